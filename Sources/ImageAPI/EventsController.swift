import Foundation
import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import ServiceLifecycle

/// `GET /longshore/v1/events`: changes of tasks as server-sent events.
struct EventsController: Sendable {
    let store: LeaseStore
    let hub: EventHub

    func add(to routes: inout RouteTable) {
        routes.get("/longshore/v1/events", respond)
    }

    @Sendable private func respond(to request: Request, _ context: APIContext) async throws -> Response {
        guard context.caller.may(.fleetWatchEvents) else {
            throw context.caller.refusal(.fleetWatchEvents, to: "watch the fleet")
        }
        let after = try lastEventID(of: request)
        // Before the head of the answer is out, so that nothing is missed from then on.
        guard let listening = hub.listen() else {
            throw APIError(.serviceUnavailable, "Too many clients watch already; try again later.")
        }
        let body = ResponseBody { writer in
            try await withGracefulShutdownHandler {
                try await writer.write(ByteBuffer(string: ": events\n\n"))
                var missed = after
                while let place = missed {
                    let events = try await store.events(after: place, atMost: .milliseconds(1))
                    for event in events { try await writer.write(try Self.text(event)) }
                    guard let end = events.last else { break }
                    missed = end.id
                }
                let last = EventPlace(missed)
                for await item in listening.items {
                    switch item {
                    case .quiet: try await writer.write(ByteBuffer(string: ": quiet\n\n"))
                    case .event(let event):
                        // What was sent as missed may come again from the hub.
                        guard EventPlace(event.id) > last else { continue }
                        try await writer.write(try Self.text(event))
                    }
                }
            } onGracefulShutdown: {
                listening.end()
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    private func lastEventID(of request: Request) throws -> String? {
        guard let name = HTTPField.Name("Last-Event-ID"), let id = request.headers[name], !id.isEmpty else {
            return nil
        }
        guard id.utf8.count <= 41, EventPlace.isWellFormed(id) else {
            throw APIError(.badRequest, "Last-Event-ID is not the id of an event; leave it out to begin now.")
        }
        return id
    }

    private static func text(_ event: FleetEvent) throws -> ByteBuffer {
        let json = String(decoding: try FleetJSON.encode(event), as: UTF8.self)
        return ByteBuffer(string: "id: \(event.id)\ndata: \(json)\n\n")
    }
}

/// The place of an event among all: `milliseconds-sequence`.
struct EventPlace: Comparable {
    private let milliseconds: UInt64
    private let sequence: UInt64

    /// Of no event, or what is no id: before all.
    init(_ id: String?) {
        let parts = (id ?? "").split(separator: "-").map { UInt64($0) ?? 0 }
        milliseconds = parts.first ?? 0
        sequence = parts.count > 1 ? parts[1] : 0
    }

    static func isWellFormed(_ id: String) -> Bool {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (48...57).contains($0) } && UInt64(part) != nil
            }
    }

    static func < (left: EventPlace, right: EventPlace) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }
}

import AsyncHTTPClient
import Foundation
package import ImportModel
import NIOCore
import NIOHTTP1

extension ServiceClient {
    /// Reads the changes of tasks as they happen, until the service ends the stream or the reader's task is cancelled.
    ///
    /// - Parameters:
    ///   - lastEventID: the id of the last event already seen; empty: from now on.
    ///   - onOpen: the stream stands, so nothing that happens from here on is missed.
    /// - Throws: `ServiceError.unreachable` when the connection breaks; what came before has been handed out.
    package func events(
        after lastEventID: String = "", onOpen: () async throws -> Void = {},
        _ onEvent: (FleetEvent) async throws -> Void
    ) async throws {
        var headers = [("Accept", "text/event-stream")]
        if !lastEventID.isEmpty { headers.append(("Last-Event-ID", lastEventID)) }
        let response = try await send(.GET, "/longshore/v1/events", headers: headers, expect: [200])
        try await onOpen()
        var parser = EventStreamParser()
        try await read(response) { piece in
            for event in try parser.push(piece.readableBytesView) {
                // Kinds of events that this client does not know are not its business.
                guard let change = try? FleetJSON.decode(FleetEvent.self, from: Data(event.data.utf8)) else { continue }
                try await onEvent(change)
            }
        }
    }
}

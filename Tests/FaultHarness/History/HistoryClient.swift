import Foundation
package import ImportModel
import NIOHTTP1

/// A client whose every operation goes into a history, with what came of it. It never throws: an operation that was
/// not answered has an unknown outcome, and that is what is written down.
package struct HistoryClient: Sendable {
    package typealias Outcome = HistoryOperation.Outcome

    package let history: History
    package let name: String
    package let client: FleetClient
    /// After this long it drops the connection, as if it had died.
    private let patience: Duration?

    package init(_ name: String, _ client: FleetClient, _ history: History, givesUpAfter patience: Duration? = nil) {
        self.name = name
        self.client = client
        self.history = history
        self.patience = patience
    }

    /// The same client, with less patience.
    package func givingUp(after patience: Duration) -> HistoryClient {
        HistoryClient(name, client, history, givesUpAfter: patience)
    }

    /// Makes an image under an id that the client has chosen, so that it knows the id of one that it heard nothing of.
    @discardableResult
    package func create(_ image: ImageID) async -> Outcome {
        let json = #"{"id":"\#(image)","name":"history","disk_format":"raw","container_format":"bare"}"#
        return await perform(.create, image, .POST, "/v2/images", json: json, fit: [409]) { _ in .done }
    }

    /// - Parameters:
    ///   - uri: where the bytes are, with the faults of their source.
    ///   - size: how many there are.
    ///   - stores: all of which must get them.
    @discardableResult
    package func requestImport(
        _ image: ImageID, _ uri: String, size: Int64, stores: Set<String> = ["main"]
    ) async -> Outcome {
        let request = "history-\(UUID().uuidString)"
        let json = #"{"method":{"name":"web-download","uri":"\#(uri)"},"stores":\#(Self.list(stores))}"#
        return await perform(
            .import(request: request, size: size, stores: stores), image, .POST, "/v2/images/\(image)/import",
            json: json, headers: [("X-OpenStack-Request-ID", request)], fit: [404, 409]
        ) { Self.task(in: $0).map(Outcome.accepted) }
    }

    /// Asks for copies of an active image. As in Glance, a store that has it is a bad request.
    /// - Parameter order: where stores that have it are spared, its stores have to be all that the fleet has.
    @discardableResult
    package func copy(_ image: ImageID, _ order: HistoryOperation.CopyOrder) async -> Outcome {
        let request = "history-\(UUID().uuidString)"
        let stores = order.sparesFilled ? #""all_stores":true"# : #""stores":\#(Self.list(order.stores))"#
        let json = #"{"method":{"name":"copy-image"},\#(stores),"all_stores_must_succeed":\#(order.mustAll)}"#
        return await perform(
            .copy(request: request, order), image, .POST, "/v2/images/\(image)/import", json: json,
            headers: [("X-OpenStack-Request-ID", request)], fit: [400, 404, 409]
        ) { answer in
            // Without a task it found all stores filled.
            if let task = Self.task(in: answer) { return .accepted(task) }
            return order.sparesFilled ? .done : nil
        }
    }

    private static func list(_ stores: Set<String>) -> String {
        "[" + stores.sorted().map { #""\#($0)""# }.joined(separator: ",") + "]"
    }

    private static func task(in answer: FleetClient.Answer) -> TaskID? {
        answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:))
    }

    @discardableResult
    package func cancel(_ task: TaskID, of image: ImageID) async -> Outcome {
        await perform(.cancel(task), image, .POST, "/longshore/v1/tasks/\(task)/cancel", fit: [404, 409]) { _ in .done }
    }

    @discardableResult
    package func delete(_ image: ImageID) async -> Outcome {
        await perform(.delete, image, .DELETE, "/v2/images/\(image)", fit: [404]) { _ in .done }
    }

    @discardableResult
    package func show(_ image: ImageID) async -> Outcome {
        await perform(.show, image, .GET, "/v2/images/\(image)", fit: [404]) { answer in
            guard let shown = try? JSONDecoder().decode(FleetClient.Image.self, from: answer.body),
                let status = ImageStatus(rawValue: shown.status)
            else { return nil }
            return .shown(.init(status, size: shown.size, digest: shown.digest, stores: shown.storeNames))
        }
    }

    @discardableResult
    package func look(_ task: TaskID, of image: ImageID) async -> Outcome {
        await perform(.look(task), image, .GET, "/longshore/v1/tasks/\(task)", fit: [404]) { answer in
            (try? FleetJSON.decode(TaskView.self, from: answer.body)).map { .seen($0.state, $0.result) }
        }
    }

    /// - Parameters:
    ///   - fit: refusals that this operation may be answered with.
    ///   - read: makes an outcome of an answer of the 200s; `nil`: it cannot be understood.
    private func perform(
        _ action: HistoryOperation.Action, _ image: ImageID, _ method: HTTPMethod, _ path: String,
        json: String? = nil, headers: [(String, String)] = [], fit: Set<Int>,
        read: (FleetClient.Answer) -> Outcome?
    ) async -> Outcome {
        let opened = history.open(action, of: image, by: name)
        let outcome: Outcome
        do {
            let answer = try await send(method, path, json, headers)
            let understood: Outcome? =
                switch answer.status {
                case 200...299: read(answer)
                case 503: .unknown("503")
                case let status where fit.contains(status): .refused(status)
                default: nil
                }
            if let understood {
                outcome = understood
            } else {
                history.unfit(
                    .init(
                        operation: "#\(opened.number) \(name) \(action) of \(image)", status: answer.status,
                        text: String(answer.text.prefix(500))))
                outcome = .unknown("an unfit \(answer.status)")
            }
        } catch {
            outcome = .unknown("\(error)")
        }
        history.close(opened, outcome)
        return outcome
    }

    private func send(
        _ method: HTTPMethod, _ path: String, _ json: String?, _ headers: [(String, String)]
    ) async throws -> FleetClient.Answer {
        guard let patience else { return try await client.send(method, path, json: json, headers: headers) }
        return try await withThrowingTaskGroup(of: FleetClient.Answer.self) { group in
            group.addTask { try await client.send(method, path, json: json, headers: headers) }
            group.addTask {
                // The moment at which it gives up is the fault.
                try await Task.sleep(for: patience)
                throw GaveUp()
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw GaveUp() }
            return answer
        }
    }

    private struct GaveUp: Error, CustomStringConvertible {
        var description: String { "the client gave up" }
    }
}

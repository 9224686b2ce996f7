import Foundation
package import ImportModel
import NIOHTTP1
import Synchronization

/// A client that asks again, where somebody listens, until it has an answer: what users and their tools do.
package final class RepeatingClient: Sendable {
    private let run: FaultRun
    private let apis: Mutex<[Int: FleetClient]>
    private let turn = Mutex(0)
    private let unanswered = Mutex(0)

    package init(_ run: FaultRun, _ apis: [FleetClient]) {
        self.run = run
        self.apis = Mutex(Dictionary(uniqueKeysWithValues: apis.enumerated().map { ($0, $1) }))
    }

    /// The API process at this place is another one now, or none.
    package func replace(_ place: Int, by client: FleetClient?) { apis.withLock { $0[place] = client } }

    /// Requests that found nobody, or whose answer did not come.
    package var failures: Int { unanswered.withLock(\.self) }

    /// Makes an image and has its import accepted, by whomever.
    package func begin(_ uri: String) async throws -> ImageID {
        let image = try await asking { client in
            let answer = try await client.send(
                .POST, "/v2/images", json: #"{"name":"image","disk_format":"raw","container_format":"bare"}"#)
            return (
                answer, answer.status == 201 ? try JSONDecoder().decode(FleetClient.Image.self, from: answer.body) : nil
            )
        }
        try await beginImport(of: image.id, uri, requestID: "req-\(UUID().uuidString.lowercased())")
        return image.id
    }

    /// Has the import of an image accepted; the request keeps its id however often it is made.
    package func beginImport(of image: ImageID, _ uri: String, requestID: String) async throws {
        let json = #"{"method":{"name":"web-download","uri":"\#(uri)"}}"#
        let mayHaveBegun = Mutex(false)
        _ = try await asking { client -> (FleetClient.Answer, Bool?) in
            let wasBegun = mayHaveBegun.withLock { begun in
                defer { begun = true }
                return begun
            }
            let answer = try await client.send(
                .POST, "/v2/images/\(image)/import", json: json, headers: [("x-openstack-request-id", requestID)])
            // It is locked by, or active through, the request that was not answered.
            let isDone = answer.status == 202 || (answer.status == 409 && wasBegun)
            return (answer, isDone ? true : nil)
        }
    }

    private func asking<Result>(
        _ ask: (FleetClient) async throws -> (FleetClient.Answer, Result?)
    ) async throws -> Result {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            guard let client = next() else {
                // Nobody is there at the moment. The pace of a user, who is not told when somebody is.
                try await Task.sleep(for: .milliseconds(20))
                continue
            }
            do {
                let (answer, result) = try await ask(client)
                if let result { return result }
                if answer.status != 503 {
                    let unexpected = UnexpectedAnswer("a request that was repeated", answer)
                    run.violated(.answers, unexpected.description)
                    throw unexpected
                }
            } catch let error as UnexpectedAnswer {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch {
                // Whoever was asked has died or left: the next one.
            }
            unanswered.withLock { $0 += 1 }
            // The pace of a user, not a wait for anything.
            try await Task.sleep(for: .milliseconds(20))
        }
        throw ServiceFailure("nobody has answered for a minute")
    }

    private func next() -> FleetClient? {
        let number = turn.withLock { turn in
            turn += 1
            return turn
        }
        return apis.withLock { apis in
            let known = apis.sorted { $0.key < $1.key }.map(\.value)
            return known.isEmpty ? nil : known[number % known.count]
        }
    }
}

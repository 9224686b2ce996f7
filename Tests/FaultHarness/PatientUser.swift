import Foundation
package import ImportModel
import NIOHTTP1
import Synchronization
import TestSupport

/// A user who asks again when the service says 503, and takes any other error for a broken promise.
package final class PatientUser: Sendable {
    private struct Seen {
        var refusals = 0
        var longestWait = Duration.zero
    }

    private let client: FleetClient
    private let run: FaultRun
    /// How long the user asks for one thing.
    private let patience: Duration
    private let seen = Mutex(Seen())

    package init(_ client: FleetClient, _ run: FaultRun, patience: Duration = .seconds(60)) {
        self.client = client
        self.run = run
        self.patience = patience
    }

    /// How often the answer was 503.
    package var refusals: Int { seen.withLock { $0.refusals } }

    /// The longest time from a question to an answer other than 503.
    package var longestWait: Duration { seen.withLock { $0.longestWait } }

    /// Makes an image and begins its import; both are acknowledged when it returns.
    package func beginImport(_ uri: String) async throws -> ImageID {
        let id = try await create()
        try await requestImport(id, uri)
        return id
    }

    package func create() async throws -> ImageID {
        let json = #"{"name":"image","disk_format":"raw","container_format":"bare"}"#
        let answer = try await ask("create", expecting: [201]) {
            try await client.send(.POST, "/v2/images", json: json)
        }
        return try JSONDecoder().decode(FleetClient.Image.self, from: answer.body).id
    }

    /// Returns false when there is no such image, which is an error unless it may be gone.
    @discardableResult
    package func requestImport(_ image: ImageID, _ uri: String, mayBeGone: Bool = false) async throws -> Bool {
        var isInDoubt = false
        let answer = try await ask("import", expecting: mayBeGone ? [202, 404, 409] : [202, 409]) {
            let answer = try await client.requestImport(image, uri)
            // What was answered with 503 may have begun, and then holds the lock.
            if answer.status == 409, !isInDoubt {
                run.violated(.answers, "a first import of \(image) was answered with 409: \(answer.text)")
            }
            if answer.status == 503 { isInDoubt = true }
            return answer
        }
        return answer.status != 404
    }

    /// `nil`: there is no such image.
    package func image(_ id: ImageID) async throws -> FleetClient.Image? {
        let answer = try await ask("show", expecting: [200, 404]) { try await client.send(.GET, "/v2/images/\(id)") }
        guard answer.status == 200 else { return nil }
        return try JSONDecoder().decode(FleetClient.Image.self, from: answer.body)
    }

    /// Waits until each image is active. One whose import has ended otherwise, or does not end, is a broken promise.
    package func wait(for images: some Collection<ImageID>, within limit: Duration = .seconds(120)) async throws {
        var waiting = Array(images)
        do {
            try await eventually(within: limit) {
                while let id = waiting.last {
                    switch try await image(id)?.status {
                    case "active": break
                    case "queued":
                        // It may have begun after the look at it.
                        guard try await client.tasks(of: id).first?.state == .failure else { return false }
                        run.violated(.ends, try await story(of: id))
                    case nil: run.violated(.acknowledged, "the image \(id) is gone")
                    default: return false
                    }
                    waiting.removeLast()
                }
                return true
            }
        } catch is EventuallyError {
            for id in waiting.suffix(5) { run.violated(.ends, "not within \(limit): \(try await story(of: id))") }
        }
    }

    /// What an image and its task have to say.
    private func story(of id: ImageID) async throws -> String {
        let task = try await client.tasks(of: id).first
        let told = task.map { "\($0.id) is \($0.state), '\($0.message)', \($0.history ?? [])" } ?? "it has no task"
        return "\(id) is \(try await image(id)?.status ?? "gone"): \(told)"
    }

    private func ask(
        _ what: String, expecting: Set<Int>, _ request: () async throws -> FleetClient.Answer
    ) async throws -> FleetClient.Answer {
        let start = ContinuousClock.now
        while true {
            let answer = try await request()
            let took = ContinuousClock.now - start
            if expecting.contains(answer.status) {
                seen.withLock { $0.longestWait = max($0.longestWait, took) }
                return answer
            }
            guard answer.status == 503 else {
                run.violated(.answers, "\(UnexpectedAnswer(what, answer))")
                throw UnexpectedAnswer(what, answer)
            }
            seen.withLock { $0.refusals += 1 }
            guard took < patience else {
                run.violated(.answers, "\(what) was answered with 503 for \(took): \(answer.text)")
                throw UnexpectedAnswer(what, answer)
            }
            // The pace of a user, not a wait for anything.
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

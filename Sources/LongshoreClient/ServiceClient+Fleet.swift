import Foundation
package import ImportModel
import NIOHTTP1

/// The fleet API.
extension ServiceClient {
    /// One page of tasks, newest first.
    package func tasks(
        state: TaskState? = nil, image: ImageID? = nil, limit: Int? = nil, marker: TaskID? = nil
    ) async throws -> TaskPage {
        var query: [(String, String)] = []
        if let state { query.append(("state", state.rawValue)) }
        if let image { query.append(("image", image.rawValue)) }
        if let limit { query.append(("limit", String(limit))) }
        if let marker { query.append(("marker", marker.rawValue)) }
        return try await fleet(.GET, "/tasks", query: query)
    }

    /// The newest `limit` tasks, over as many pages as that takes.
    package func allTasks(state: TaskState? = nil, image: ImageID? = nil, limit: Int) async throws -> [TaskView] {
        var found: [TaskView] = []
        var marker: TaskID?
        repeat {
            let wanted = min(limit - found.count, 500)
            let page = try await tasks(state: state, image: image, limit: wanted, marker: marker)
            found += page.tasks
            // A page that is empty cannot lead anywhere, whatever it says.
            marker = page.tasks.isEmpty ? nil : page.nextMarker
        } while marker != nil && found.count < limit
        return found
    }

    /// One task, with the history of its attempts.
    package func task(_ id: TaskID) async throws -> TaskView { try await fleet(.GET, "/tasks/\(id)") }

    /// Where an image's bytes were fetched; `nil` where nothing is known of that.
    package func provenance(of image: ImageID) async throws -> Provenance? {
        try await fleetIfThere("/images/\(image)/provenance")
    }

    /// What an image's bytes were found to be; `nil` while it has none.
    package func verdict(of image: ImageID) async throws -> RecordedVerdict? {
        try await fleetIfThere("/images/\(image)/verdict")
    }

    package func cancel(_ id: TaskID) async throws -> TaskView { try await fleet(.POST, "/tasks/\(id)/cancel") }

    /// Runs a failed import again; the answer is the new task.
    package func retry(_ id: TaskID) async throws -> TaskView { try await fleet(.POST, "/tasks/\(id)/retry") }

    package func locks() async throws -> [LockView] { try await fleet(.GET, "/locks") }
    package func workers() async throws -> [ProcessView] { try await fleet(.GET, "/workers") }
    package func stores() async throws -> [StoreView] { try await fleet(.GET, "/stores") }
    package func queue() async throws -> QueueStats { try await fleet(.GET, "/queue") }

    /// Keeps workers from claiming what waits (`true`), or lets them again; running imports go on either way.
    package func setQueuePaused(_ isPaused: Bool) async throws -> QueueStats {
        try await fleet(.POST, isPaused ? "/queue/pause" : "/queue/resume")
    }

    private func fleetIfThere<Answer: Decodable>(_ path: String) async throws -> Answer? {
        do {
            return try await fleet(.GET, path)
        } catch ServiceError.refused(404, _) {
            return nil
        }
    }

    private func fleet<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, query: [(String, String)] = []
    ) async throws -> Answer {
        let response = try await send(method, "/longshore/v1" + path, query: query, expect: [200, 201, 202])
        let body = try await collect(response)
        do {
            return try FleetJSON.decode(Answer.self, from: body)
        } catch {
            throw ServiceError.unexpectedAnswer("the answer to \(method.rawValue) \(path) could not be understood")
        }
    }
}

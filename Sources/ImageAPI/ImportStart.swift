import HTTPTypes
import ImportModel
import LeaseStore

/// Asks for an image's lock and queues the import, sitting out short outages of Redis.
struct ImportStart: Sendable {
    let store: LeaseStore
    let patience: Duration

    /// - Throws: `APIError` for a refusal, and when Redis did not answer in time.
    func begin(_ task: NewTask, wanted: ImageStatus) async throws {
        var mayHaveBegun = false
        let reply: CreateReply
        do {
            reply = try await LeaseStore.insist(for: patience) {
                do {
                    return try await store.createImport(task, wanted: wanted)
                } catch let error as LeaseStoreError {
                    if case .inDoubt = error { mayHaveBegun = true }
                    throw error
                }
            }
        } catch let error as LeaseStoreError where mayHaveBegun {
            throw APIError(
                .serviceUnavailable,
                "The catalog did not answer. The import may have begun as task \(task.id): look at "
                    + "/v2/images/\(task.image)/tasks before you ask again.",
                headers: [.retryAfter: "5", Header.task: task.id.rawValue], cause: error)
        }
        guard case .created = reply else {
            throw APIError(
                refusal: reply, image: task.image, wanted: wanted, what: task.request.method?.rawValue ?? "this")
        }
    }
}

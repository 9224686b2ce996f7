import ImageAPI
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore

/// Carries out uploads in the plainest way that is right: no beats, since tests are faster than a lease.
struct PlainUploadRunner: UploadRunner {
    let store: LeaseStore
    let process: ProcessID
    let stores: [any ImageStorage]

    /// Digests are another target's business.
    static let digests = ContentDigests(
        md5: String(repeating: "a", count: 32), sha512: String(repeating: "b", count: 128))

    func run<Body: AsyncSequence & Sendable>(
        kind: TaskKind, image: ImageRecord, task: NewTask, store target: StoreID, body: Body, expectedBytes: Int64?
    ) async throws -> UploadResult where Body.Element == ByteBuffer {
        let nonce = Nonce.mint()
        let reply = try await store.openUpload(task, kind: kind, nonce: nonce, process: process)
        guard case .created = reply else { return .refused(reply) }
        let attempt = AttemptID(task: task.id, nonce: nonce)
        guard let storage = stores.first(where: { $0.id == target }) else {
            return .failed(UploadFailure(kind: .unavailable, reason: "no such store"))
        }
        let key = ObjectKey(image: image.id, nonce: nonce)
        do {
            let writer = try await storage.create(key, expectedBytes: expectedBytes)
            var count: Int64 = 0
            do {
                for try await block in body {
                    count += Int64(block.readableBytes)
                    try await writer.write(block)
                }
                try await writer.commit(
                    ObjectDescription(image: image.id, sizeBytes: count, digests: Self.digests))
            } catch {
                await writer.abandon()
                throw error
            }
            let content = ImportedContent(
                sizeBytes: count, digests: Self.digests, locations: [target: key.description])
            let published = try await store.publish(
                attempt, content, diskFormat: image.diskFormat, containerFormat: image.containerFormat, message: "done")
            switch published {
            case .published: return .published
            case .lost(let lost): return .lost(lost)
            case .gone: return .lost(LostLease(why: .gone))
            case .changed(let what): return .failed(UploadFailure(kind: .unavailable, reason: "\(what) changed"))
            }
        } catch {
            _ = try await store.fail(attempt, .reject, reason: "\(error)")
            return .failed((error as? UploadFailure) ?? UploadFailure(kind: .unavailable, reason: "\(error)"))
        }
    }
}

import Foundation
package import ImageStorage
package import ImportModel
import NIOCore
package import NIOPosix
import Synchronization

/// A store in a bucket of a service that speaks S3.
///
///     <prefix>/.longshore-store            whose store it is
///     <prefix>/<image>/<nonce>             an object
///     <prefix>/<image>/<nonce>.json        its description, written first
///
/// What is being written is a multipart upload, which no reader sees. Requests that may succeed a moment later are sent
/// again, a bounded number of times: the part of an upload is the unit of that, which no caller could repeat.
package final class S3Storage: ImageStorage {
    package let id: StoreID
    package let kind = "s3"
    let configuration: S3Configuration
    let objects: S3Objects
    let budget: PartBudget
    let threads: NIOThreadPool
    private let found = Mutex<S3Traits?>(nil)

    static let markerName = ".longshore-store"
    static let descriptionSuffix = ".json"

    /// Reads the files that the configuration names, and sends nothing yet.
    ///
    /// - Parameter threads: running; they take digests of what is sent.
    /// - Throws: `.misconfigured` with what to do.
    package init(id: StoreID, configuration: S3Configuration, threads: NIOThreadPool) throws(StorageError) {
        self.id = id
        self.configuration = configuration
        self.threads = threads
        budget = PartBudget(bytes: configuration.budgetBytes)
        do throws(InvalidValue) {
            guard configuration.partBytes >= S3Configuration.leastPartBytes,
                configuration.partBytes <= S3Configuration.largestPartBytes
            else { throw InvalidValue("part-size must be 5MiB to 5GiB") }
            objects = S3Objects(client: try S3Client(configuration, threads: threads))
        } catch {
            throw .misconfigured(id, reason: error.message)
        }
    }

    /// Ends all connections. To be called once, when nothing uses the store any more.
    package func close() async { await objects.client.close() }

    var location: S3Location { objects.client.location }
    /// What `check()` has found the service to be able to do.
    var traits: S3Traits { found.withLock { $0 } ?? S3Traits() }

    package func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        let head = try await told { () throws(S3CallFailure) in try await objects.head(location.name(of: key)) }
        if head != nil { throw .exists(id, key) }
        let plan = PartPlan(least: configuration.partBytes, expectedBytes: expectedBytes)
        return try await S3Writer(key: key, expectedBytes: expectedBytes, plan: plan, in: self)
    }

    /// Goes on with the upload that was begun, since what is not complete cannot be read. The parts that the checkpoint
    /// speaks of have to be there, with the same tags; others are written again.
    package func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)? {
        if traits.asksAgain { try await probe() }
        guard let way = traits.continuation, let begun = ObjectKey(unfinished.key),
            let upload = S3Unfinished(unfinished.note, at: offset), upload.partBytes <= configuration.partBytes,
            // Another process may have found the service otherwise, before it was upgraded.
            upload.declaresChecksums == (way == .withChecksums)
        else {
            return nil
        }
        let plan = PartPlan(least: upload.partBytes, expectedBytes: expectedBytes)
        guard plan.evenBytes == upload.partBytes else { return nil }
        let name = location.name(of: begun)
        return try await told { () throws(S3CallFailure) -> S3Writer? in
            guard try await objects.head(name) == nil,
                let tags = try await objects.parts(
                    of: upload.upload, name, count: upload.parts, size: upload.partBytes),
                S3Unfinished.digest(tags) == upload.tags
            else { return nil }
            return S3Writer(going: begun, on: upload, with: tags, plan: plan, isHanded: begun != key, in: self)
        }
    }

    package func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        guard let head = try await head(key) else { throw .notFound(id, key) }
        let all = 0..<head.sizeBytes
        let reader = S3Reader(key: key, etag: head.etag, in: self)
        return ObjectBody(sizeBytes: head.sizeBytes, range: (range ?? all).clamped(to: all)) {
            rest throws(StorageError) in try await reader.next(rest)
        }
    }

    package func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await head(key)?.sizeBytes }

    package func delete(_ key: ObjectKey) async throws(StorageError) {
        let name = location.name(of: key)
        try await told { () throws(S3CallFailure) in
            // Uploads go first: whoever writes there cannot make an object any more once it is gone.
            try await objects.abortUploads(of: name)
            try await objects.delete(name)
            try await objects.delete(name + Self.descriptionSuffix)
        }
    }

    package func marker() async throws(StorageError) -> StoreMarker? {
        let name = location.prefix + Self.markerName
        guard let json = try await told({ () throws(S3CallFailure) in try await objects.get(name) }) else { return nil }
        do { return try FleetJSON.decode(StoreMarker.self, from: Data(json.readableBytesView)) } catch {
            throw .misconfigured(
                id, reason: "\(location.bucket)/\(name) cannot be read (\(error)); restore it from a copy")
        }
    }

    package func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        let json: Data
        do { json = try FleetJSON.encode(marker) } catch {
            throw .unavailable(id, reason: "the marker cannot be written as JSON: \(error)")
        }
        let name = location.prefix + Self.markerName
        let payload = S3Payload(hashing: [ByteBuffer(bytes: json)])
        try await told { () throws(S3CallFailure) in
            do throws(S3CallFailure) {
                try await objects.put(name, payload, type: "application/json", ifAbsent: ifAbsent)
            } catch {
                guard ifAbsent, let refusal = error.refusal else { throw error }
                if refusal.isConflict { return }
                // A service that does not know the condition ignores it, or refuses the call.
                guard [400, 501].contains(refusal.status) else { throw error }
                try await objects.put(name, payload, type: "application/json")
            }
        }
    }

    package func check() async throws(StorageError) {
        let marker = try await marker()
        // What the service can do is asked once by each process: it takes some fifteen calls.
        if found.withLock({ $0?.asksAgain ?? true }) {
            try await probe()
        } else {
            try await told { () throws(S3CallFailure) in
                try await S3Probe(objects: objects, prefix: location.prefix).touch()
            }
        }
        guard marker == nil else { return }
        throw .misconfigured(
            id,
            reason: """
                \(location.bucket)/\(location.prefix) has no \(Self.markerName), so it was never set up or is not the \
                store that was meant; check endpoint, bucket and prefix
                """)
    }

    /// Makes every call that the store needs, on an object of its own, whether the store is set up or not.
    ///
    /// - Returns: what the service can do beyond, for people.
    /// - Throws: the first call that is not possible, and what to do.
    @discardableResult
    package func probe() async throws(StorageError) -> String {
        let traits = try await told { () throws(S3CallFailure) in
            try await S3Probe(objects: objects, prefix: location.prefix).run()
        }
        found.withLock { $0 = traits }
        return traits.description
    }

    /// The object's size and tag; a bucket that is missing is an error and not an object that is missing.
    private func head(_ key: ObjectKey) async throws(StorageError) -> S3Objects.Head? {
        try await told { () throws(S3CallFailure) in
            if let head = try await objects.head(location.name(of: key)) { return head }
            try await objects.requireBucket()
            return nil
        }
    }

    /// Failures of calls as errors of the store.
    func told<Value>(_ body: () async throws(S3CallFailure) -> Value) async throws(StorageError) -> Value {
        do throws(S3CallFailure) { return try await body() } catch { throw error.fault(of: id) }
    }
}

import ImportModel
import RedisClient
import Testing
import TestSupport

@testable import LeaseStore

/// A Redis of its own with a catalog in it, and the steps that many tests begin with.
struct Fleet {
    let server: RedisServer
    let client: RedisClient
    let store: LeaseStore

    static let main = known(StoreID(rawValue: "main"))
    static let far = known(StoreID(rawValue: "far"))
    static let alpha = known(ProcessID(rawValue: "alpha-1-aaaaaaaa"))
    static let beta = known(ProcessID(rawValue: "beta-2-bbbbbbbb"))

    private static func known<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("a test's own constant is not well formed") }
        return value
    }

    /// Times that tests need not wait for; where age matters, it is written into the keys.
    static var settings: LeaseSettings {
        var settings = LeaseSettings()
        settings.lease = .milliseconds(300)
        settings.beat = .milliseconds(100)
        settings.margin = .milliseconds(50)
        settings.stealAfter = .seconds(1800)
        settings.pendingStealAfter = .seconds(7200)
        settings.maxAttempts = 3
        return settings
    }

    /// Makes an image with formats set.
    func image(
        _ id: ImageID = .random(), owner: String = "tenant", formats: Bool = true, isProtected: Bool = false
    ) async throws -> ImageID {
        var image = ImageRecord(id: id)
        image.owner = owner
        image.isProtected = isProtected
        if formats {
            image.diskFormat = "raw"
            image.containerFormat = "bare"
        }
        #expect(try await store.createImage(image) != nil)
        return id
    }

    static func download(
        _ image: ImageID, id: TaskID = .random(), owner: String = "tenant", stores: [StoreID] = [main],
        priority: Int = TaskRecord.defaultPriority, bytes: Int64? = nil, force: Bool = false
    ) -> NewTask {
        NewTask(
            id: id, image: image,
            request: ImportRequest(method: .webDownload, uri: "http://example.org/disk.raw", stores: stores),
            owner: owner, priority: priority, sourceBytes: bytes, mayForce: force)
    }

    /// Queues an import of a new image and returns its task.
    func queue(
        owner: String = "tenant", stores: [StoreID] = [main], priority: Int = TaskRecord.defaultPriority,
        bytes: Int64? = nil
    ) async throws -> NewTask {
        let task = Self.download(
            try await image(owner: owner), owner: owner, stores: stores, priority: priority, bytes: bytes)
        #expect(try await store.createImport(task, wanted: .queued) == .created(priorStatus: .queued, stolen: nil))
        return task
    }

    /// Claims the next task; fails the test where there is none.
    func claim(by process: ProcessID = alpha, stores: [StoreID] = [main]) async throws -> Claim {
        let reply = try await store.claim(nonce: .mint(), process: process, stores: stores)
        guard case .task(let claim) = reply else { throw NoTask(reply: "\(reply)") }
        return claim
    }

    /// The next task, or nil where the queue has none for this worker.
    func next(_ stores: [StoreID] = [main]) async throws -> TaskID? {
        let reply = try await store.claim(nonce: .mint(), process: Self.alpha, stores: stores)
        return if case .task(let claim) = reply { claim.task.id } else { nil }
    }

    /// What an attempt wrote to these stores.
    static func content(
        _ attempt: AttemptID, _ image: ImageID, stores: [StoreID] = [main], failed: [StoreID] = []
    ) -> ImportedContent {
        let key = ObjectKey(image: image, nonce: attempt.nonce).description
        return ImportedContent(
            sizeBytes: 4096, digests: digests(attempt.nonce.rawValue),
            locations: Dictionary(uniqueKeysWithValues: stores.map { ($0, key) }),
            failedStores: Dictionary(uniqueKeysWithValues: failed.map { ($0, "full") }))
    }

    static func digests(_ seed: String) -> ContentDigests {
        ContentDigests(md5: seed, sha512: String(repeating: seed, count: 4))
    }

    /// A checkpoint of an attempt's own objects.
    static func checkpoint(_ claim: Claim, stores: [StoreID] = [main], value: String = "value") -> KeptCheckpoint {
        let key = ObjectKey(image: claim.task.image, nonce: claim.nonce).description
        return KeptCheckpoint(value: value, objects: Dictionary(uniqueKeysWithValues: stores.map { ($0, key) }))
    }

    func publish(_ claim: Claim, stores: [StoreID] = [main], failed: [StoreID] = []) async throws -> PublishReply {
        try await store.publish(
            claim.attempt, Self.content(claim.attempt, claim.task.image, stores: stores, failed: failed),
            diskFormat: claim.image.diskFormat, containerFormat: claim.image.containerFormat, message: "done")
    }

    /// Stages data for an image; returns the object.
    func stage(_ image: ImageID) async throws -> StagedObject {
        let task = NewTask(
            id: .random(), image: image, request: ImportRequest(method: nil, stores: [Self.main]), owner: "tenant")
        let attempt = AttemptID(task: task.id, nonce: .mint())
        let opened = try await store.openUpload(task, kind: .stage, nonce: attempt.nonce, process: Self.alpha)
        #expect(opened == .created(priorStatus: .queued, stolen: nil))
        let reply = try await store.publish(
            attempt, Self.content(attempt, image), diskFormat: nil, containerFormat: nil, message: "staged")
        #expect(reply == .published)
        return try #require(try await store.image(image)?.stage)
    }

    /// Makes a task look as if it had been silent for so long.
    func age(_ id: TaskID, by age: Duration) async throws {
        let key = store.keys.task(id)
        let hash = try #require(try await client.send("HGETALL", key).hash())
        let field = hash["updated_at"] == nil ? "created_at" : "updated_at"
        let at = try #require(hash[field].flatMap { Int64($0) }) - age.wholeMilliseconds
        try await client.send("HSET", key, field, at)
        if hash["state"] == "processing", let lease = hash["lease_ms"].flatMap({ Int64($0) }) {
            try await client.send("ZADD", store.keys.leases, at + lease, id.rawValue)
        }
    }

    func task(_ id: TaskID) async throws -> TaskRecord { try #require(try await store.task(id)) }
    func imageRecord(_ id: ImageID) async throws -> ImageRecord { try #require(try await store.image(id)) }
    func holder(of id: ImageID) async throws -> TaskID? { try await imageRecord(id).lockedBy }

    /// The online check, over everything.
    func look() async throws -> AuditReport {
        var report = AuditReport()
        var cursor: String?
        repeat {
            let scan = try await store.scanImages(after: cursor, atMost: 100)
            report += try await store.auditImages(scan.ids)
            cursor = scan.next
        } while cursor != nil
        report += try await store.auditTasks()
        return report
    }

    /// All garbage, as `store key`.
    func garbage() async throws -> [String] {
        let reply = try await client.send("ZRANGE", store.keys.garbage, 0, -1)
        return (reply.array ?? []).compactMap(\.string)
    }

    /// Runs a call that must change nothing but the figures.
    func unchanged<Answer>(
        sourceLocation: SourceLocation = #_sourceLocation, _ call: () async throws -> Answer
    ) async throws -> Answer {
        let before = try await KeyDump(client)
        let answer = try await call()
        #expect(try await KeyDump(client).differences(from: before) == [], sourceLocation: sourceLocation)
        return answer
    }

    func changesNothing(
        sourceLocation: SourceLocation = #_sourceLocation, _ calls: () async throws -> Void
    ) async throws {
        try await unchanged(sourceLocation: sourceLocation, calls)
    }

    func expectInvariants(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(try await Invariants(store).check().violations == [], sourceLocation: sourceLocation)
    }
}

struct NoTask: Error { let reply: String }

extension Claim {
    var attempt: AttemptID { AttemptID(task: task.id, nonce: nonce) }
}

/// Runs `body` on a Redis of its own and checks the invariants at its end.
func withFleet(
    _ arguments: [String] = [], _ configure: (inout LeaseSettings) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (Fleet) async throws -> Void
) async throws {
    var settings = Fleet.settings
    configure(&settings)
    try await withRedis(arguments) { server in
        try await withClient(server.configuration) { client in
            let store = LeaseStore(redis: client, keys: try Keys(prefix: "test"), settings: settings)
            _ = try await store.openCatalog()
            let fleet = Fleet(server: server, client: client, store: store)
            try await body(fleet)
            try await fleet.expectInvariants(sourceLocation: sourceLocation)
        }
    }
}

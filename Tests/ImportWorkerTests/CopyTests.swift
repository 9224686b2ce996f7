import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import Synchronization
import Testing
import TestSupport

@testable import ImportWorker

/// `copy-image` by a worker that has three folders as stores.
@Suite struct CopyTests {
    private static let far = WorkBench.id("far")
    private static let third = WorkBench.id("third")
    private static let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }

    @Test func `an active image is copied into two stores in one pass`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let task = try await bench.queueCopy(of: image, to: [Self.far, Self.third])
            let ended = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: task) }
            #expect(ended.state == .success, "\(ended.message)")
            let record = try #require(try await bench.store.image(image.id))
            #expect(record.status == .active && record.locations.count == 3 && record.digests == image.digests)
            #expect(record.importingToStores == [] && record.failedStores == [])
            for store in stores {
                let key = try #require(record.locations[store.id].flatMap(ObjectKey.init))
                #expect(try await WorkBench.content(of: key, in: store) == Self.bytes)
            }
        }
    }

    @Test func `what another attempt has located is not copied again, and the image is read from the next store`()
        async throws
    {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let first = try await bench.queueCopy(of: image, to: [Self.far])
            _ = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: first) }
            let before = try #require(try await bench.store.image(image.id)?.locations[Self.far])
            // The preferred store has lost it, and the other one that has it breaks off in the middle.
            let main = try #require(image.locations[WorkBench.storeID].flatMap(ObjectKey.init))
            try await bench.storage.delete(main)
            let task = try await bench.queueCopy(of: image, to: [Self.third])
            let ended = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: task) }
            #expect(ended.state == .success && ended.attempt == 1, "\(ended.message)")
            #expect(try await bench.store.image(image.id)?.locations[Self.far] == before)
        }
    }

    @Test func `a store that breaks off in the middle is followed by the next one, at the same place`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let far = try #require(try await bench.stores([Self.far]).first)
            let first = try await bench.queueCopy(of: image, to: [Self.far])
            _ = try await running([try bench.copyLoop([far])]) { try await bench.end(of: first) }
            let record = try #require(try await bench.store.image(image.id))
            let places = try [bench.storage as any ImageStorage, far].map { storage in
                StoredImage.Place(
                    storage: BreakingStorage(storage, after: storage.id == far.id ? .max : 1_500_000),
                    key: try #require(record.locations[storage.id].flatMap(ObjectKey.init)))
            }
            let left = Mutex<[StorageError]>([])
            let source = StoredImage(
                places: places, sizeBytes: Int64(Self.bytes.count), stall: .seconds(60)
            ) { error in left.withLock { $0.append(error) } }
            var read: [UInt8] = []
            for try await block in source { read += Array(block.readableBytesView) }
            #expect(read == Self.bytes && left.withLock(\.count) == 1)
            let broken = StoredImage(places: [places[0]], sizeBytes: source.sizeBytes, stall: .seconds(60)) { _ in }
            await #expect(throws: StorageError.self) { for try await _ in broken {} }
        }
    }

    @Test func `a damaged object is not copied, and another attempt reads another one`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let first = try await bench.queueCopy(of: image, to: [Self.far])
            _ = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: first) }
            try bench.damage(try #require(image.locations[WorkBench.storeID]), in: "store")
            let task = try await bench.queueCopy(of: image, to: [Self.third])
            let ended = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: task) }
            #expect(ended.state == .success && ended.attempt == 2, "\(ended.message)")
            let history = try await bench.store.history(task)
            #expect(history.first?.reason.contains("not those of the image") == true)
            let record = try #require(try await bench.store.image(image.id))
            let key = try #require(record.locations[Self.third].flatMap(ObjectKey.init))
            #expect(try await WorkBench.content(of: key, in: stores[1]) == Self.bytes)
        }
    }

    @Test func `a damaged object that its service copies by itself is left for one that is whole`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let first = try await bench.queueCopy(of: image, to: [Self.far])
            _ = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: first) }
            let far = try #require(try await bench.store.image(image.id)?.locations[Self.far])
            try bench.damage(far, in: "far")
            // Only with `far` it is in one service.
            let copying = CopyingStorage(stores[1], end: .doubtful, from: Self.far)
            let task = try await bench.queueCopy(of: image, to: [Self.third])
            let loop = try bench.copyLoop([stores[0], copying])
            let ended = try await running([loop]) { try await bench.end(of: task) }
            #expect(ended.state == .success && ended.attempt == 3, "\(ended.message)")
            let reasons = try await bench.store.history(task).map(\.reason)
            #expect(reasons.count { $0.contains("in store 'far' are not those of the image") } == 2, "\(reasons)")
            let key = try #require(try await bench.store.image(image.id)?.locations[Self.third].flatMap(ObjectKey.init))
            #expect(try await WorkBench.content(of: key, in: stores[1]) == Self.bytes)
        }
    }

    @Test func `an image whose only object is damaged is not copied at all`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far])
            try bench.damage(try #require(image.locations[WorkBench.storeID]), in: "store")
            let task = try await bench.queueCopy(of: image, to: [Self.far])
            let ended = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: task) }
            #expect(ended.result == .rejected && ended.message.contains("not those of the image"))
            let record = try #require(try await bench.store.image(image.id))
            #expect(record.status == .active && record.locations == image.locations)
            #expect(record.failedStores == [Self.far])
            #expect(try await stores[0].list(after: nil).objects.allSatisfy { !$0.isCommitted })
        }
    }

    @Test func `a copy is read from a store that is read-only, and none is made in one`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let first = try await bench.queueCopy(of: image, to: [Self.far])
            _ = try await running([try bench.copyLoop(stores)]) { try await bench.end(of: first) }
            let main = try #require(image.locations[WorkBench.storeID].flatMap(ObjectKey.init))
            try await bench.storage.delete(main)
            let closed: [any ImageStorage] = [ReadOnlyStorage(stores[0]), stores[1]]
            let task = try await bench.queueCopy(of: image, to: [Self.third])
            let ended = try await running([try bench.copyLoop(closed)]) { try await bench.end(of: task) }
            #expect(ended.state == .success, "\(ended.message)")

            let other = try await bench.activeImage(Self.bytes)
            let refused = try await bench.queueCopy(of: other, to: [Self.far])
            let end = try await running([try bench.copyLoop(closed)]) { try await bench.end(of: refused) }
            #expect(end.result == .rejected && end.message.contains("read-only"), "\(end.message)")
            #expect(try await bench.store.image(other.id)?.status == .active)
        }
    }

    @Test(arguments: [true, false])
    func `a store that takes nothing fails the copy or is done without, as the request says`(mustAll: Bool) async throws
    {
        try await WorkBench.with { bench in
            let image = try await bench.activeImage(Self.bytes)
            let stores = try await bench.stores([Self.far, Self.third])
            let refusing = BreakingStorage(stores[1], refusesWrites: true)
            let task = try await bench.queueCopy(of: image, to: [Self.far, Self.third], mustAll: mustAll)
            let ended = try await running([try bench.copyLoop([stores[0], refusing])]) { try await bench.end(of: task) }
            #expect(ended.state == (mustAll ? .failure : .success), "\(ended.message)")
            let record = try #require(try await bench.store.image(image.id))
            #expect(record.status == .active)
            #expect(record.locations.keys.contains(Self.far) == !mustAll)
            #expect(record.failedStores == (mustAll ? [Self.far, Self.third] : [Self.third]))
        }
    }

    @Test func `a store that makes the copy itself is asked first, and its doubtful copies are read`() async throws {
        try await WorkBench.with { bench in
            for end in [ObjectCopy.made, .doubtful] {
                let image = try await bench.activeImage(Self.bytes)
                let far = try #require(try await bench.stores([Self.far]).first)
                let copying = CopyingStorage(far, end: end)
                let task = try await bench.queueCopy(of: image, to: [Self.far])
                let ended = try await running([try bench.copyLoop([copying])]) { try await bench.end(of: task) }
                #expect(ended.state == .success, "\(ended.message)")
                #expect(copying.creates == 0 && copying.reads == (end == .made ? 0 : 1))
                #expect(try await bench.store.image(image.id)?.locations.count == 2)
            }
        }
    }
}

extension WorkBench {
    /// An image that was imported into the bench's store.
    func activeImage(_ bytes: [UInt8]) async throws -> ImageRecord {
        let image = try await image()
        let upload = UploadAttempt(
            store: store, beats: beats, process: identity.id, threads: threads, maxBytes: 1 << 30, logger: logger)
        let task = NewTask(
            id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [Self.storeID]),
            owner: "project")
        _ = try await upload.run(
            .upload, of: image, task, into: storage, body: OneBlock(bytes: bytes), expectedBytes: nil)
        guard let record = try await store.image(image.id), record.status == .active else {
            throw InvalidValue("the image is not active")
        }
        return record
    }

    /// Further folders.
    func stores(_ ids: [StoreID]) async throws -> [FilesystemStorage] {
        var stores: [FilesystemStorage] = []
        for id in ids {
            let storage = FilesystemStorage(id: id, root: folder.path + "/\(id)", threads: threads)
            try await storage.setMarker(StoreMarker(catalogId: Self.catalogID, mark: 0))
            stores.append(storage)
        }
        return stores
    }

    func queueCopy(of image: ImageRecord, to stores: [StoreID], mustAll: Bool = true) async throws -> TaskID {
        let request = ImportRequest(method: .copyImage, stores: stores, allStoresMustSucceed: mustAll)
        let task = NewTask(id: .random(), image: image.id, request: request, owner: "project")
        guard case .created = try await store.createImport(task, wanted: .active) else {
            throw InvalidValue("the copy was not created")
        }
        return task.id
    }

    /// A worker with the bench's own store and others.
    func copyLoop(_ others: [any ImageStorage]) throws -> ClaimLoop {
        var runner = try runner()
        runner = runner.with([storage] + others)
        return ClaimLoop(
            store: store, runner: runner, process: identity.id, stores: ReadyStores([Self.storeID] + others.map(\.id)),
            concurrency: 1, logger: logger)
    }

    /// Turns a byte of an object.
    func damage(_ key: String, in root: String) throws {
        let folder = folder.appendingPathComponent(root)
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let nonce = key.split(separator: "/")[1]
        while let file = files?.nextObject() as? URL {
            guard file.lastPathComponent == nonce else { continue }
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
            let handle = try FileHandle(forUpdating: file)
            try handle.seek(toOffset: 1_000)
            try handle.write(contentsOf: [0xEE])
            try handle.close()
            return
        }
        throw InvalidValue("there is no file of \(key)")
    }

    static func content(of key: ObjectKey, in storage: any ImageStorage) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await block in try await storage.read(key, range: nil) { bytes += Array(block.readableBytesView) }
        return bytes
    }
}

extension AttemptRunner {
    fileprivate func with(_ storages: [any ImageStorage]) -> AttemptRunner {
        var limits = limits
        limits.order = ReadingOrder(defaultStore: WorkBench.storeID)
        return AttemptRunner(
            store: store, beats: beats, storages: storages, source: source, signatures: signatures, threads: threads,
            limits: limits, logger: logger)
    }
}

/// A store that takes nothing, or whose objects cannot be read beyond some byte.
private struct BreakingStorage: ImageStorage {
    let whole: any ImageStorage
    let limit: Int64
    let refusesWrites: Bool

    init(_ whole: any ImageStorage, after limit: Int64 = .max, refusesWrites: Bool = false) {
        self.whole = whole
        self.limit = limit
        self.refusesWrites = refusesWrites
    }

    var id: StoreID { whole.id }
    var kind: String { whole.kind }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        if refusesWrites { throw .full(id, reason: "no room at all") }
        return try await whole.create(key, expectedBytes: expectedBytes)
    }

    func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        let body = try await whole.read(key, range: range)
        let limit = limit
        return ObjectBody(sizeBytes: body.sizeBytes, range: body.range) { [whole] rest throws(StorageError) in
            guard rest.lowerBound < limit else { throw .unavailable(whole.id, reason: "it broke off") }
            let part = try await whole.read(key, range: rest.lowerBound..<min(rest.upperBound, limit))
            var iterator = part.makeAsyncIterator()
            guard let block = try? await iterator.next() else { throw .unavailable(whole.id, reason: "it ended") }
            return block
        }
    }

    func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await whole.size(key) }
    func delete(_ key: ObjectKey) async throws(StorageError) { try await whole.delete(key) }
    func list(after cursor: String?) async throws(StorageError) -> ObjectPage { try await whole.list(after: cursor) }
    func marker() async throws(StorageError) -> StoreMarker? { try await whole.marker() }
    func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        try await whole.setMarker(marker, ifAbsent: ifAbsent)
    }
    func check() async throws(StorageError) { try await whole.check() }
}

/// A store that copies by itself, as one of an S3 service does.
private final class CopyingStorage: ImageStorage {
    private let whole: any ImageStorage
    private let end: ObjectCopy
    private let origin: StoreID?
    private let counts = Mutex((creates: 0, reads: 0))

    init(_ whole: any ImageStorage, end: ObjectCopy, from origin: StoreID? = nil) {
        self.whole = whole
        self.end = end
        self.origin = origin
    }

    var creates: Int { counts.withLock(\.creates) }
    var reads: Int { counts.withLock(\.reads) }
    var id: StoreID { whole.id }
    var kind: String { whole.kind }

    func copy(
        _ source: ObjectKey, of other: any ImageStorage, to key: ObjectKey, _ description: ObjectDescription,
        step: @Sendable (_ bytesDone: Int64) async throws -> Void
    ) async throws -> ObjectCopy {
        if let origin, origin != other.id { return .notHere }
        try await step(0)
        let writer = try await whole.create(key, expectedBytes: nil)
        for try await block in try await other.read(source, range: nil) { try await writer.write(block) }
        try await writer.commit(description)
        return end
    }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        counts.withLock { $0.creates += 1 }
        return try await whole.create(key, expectedBytes: expectedBytes)
    }

    func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        counts.withLock { $0.reads += 1 }
        return try await whole.read(key, range: range)
    }

    func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await whole.size(key) }
    func delete(_ key: ObjectKey) async throws(StorageError) { try await whole.delete(key) }
    func list(after cursor: String?) async throws(StorageError) -> ObjectPage { try await whole.list(after: cursor) }
    func marker() async throws(StorageError) -> StoreMarker? { try await whole.marker() }
    func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        try await whole.setMarker(marker, ifAbsent: ifAbsent)
    }
    func check() async throws(StorageError) { try await whole.check() }
}

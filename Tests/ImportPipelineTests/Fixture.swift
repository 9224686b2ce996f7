import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import NIOCore
import NIOPosix
import StorageConformance
import Synchronization
import TestSupport
import Testing

/// Stores in a folder of their own, and a pipeline over them.
struct Fixture: Sendable {
    let root: String
    var key = ObjectKey(image: .random(), nonce: .mint())
    var targets: [any ImageStorage]
    var mustAll = true
    var isSecured = false
    var patience = StorePatience(stall: .seconds(60), mustAll: true) { _ in }
    var expected: ExpectedDigest?
    var maxBytes = Int64.max
    var allowsEmpty = true
    var decompression: DecompressionLimits?
    var gate: any WriteGate = OpenGate()
    var progress: @Sendable (Int64) -> Void = { _ in }

    static func with(stores names: [String] = ["main"], _ body: (Fixture) async throws -> Void) async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        var targets: [any ImageStorage] = []
        for name in names {
            let store = FilesystemStorage(id: storeID(name), root: "\(folder.path)/\(name)", threads: .singleton)
            try await store.setMarker(StoreMarker(catalogId: "catalog", mark: 0))
            targets.append(store)
        }
        try await body(Fixture(root: folder.path, targets: targets))
    }

    func run(_ pieces: [ByteBuffer], expectedBytes: Int64? = nil) async throws -> ImportedContent {
        try await run(Pieces(pieces: pieces), expectedBytes: expectedBytes)
    }

    func run<Source: AsyncSequence & Sendable>(
        _ source: Source, expectedBytes: Int64? = nil
    ) async throws -> ImportedContent where Source.Element == ByteBuffer {
        let pipeline = ImportPipeline(
            targets: targets, key: key, mustAll: mustAll, isSecured: isSecured, patience: patience, expected: expected,
            maxBytes: maxBytes, allowsEmpty: allowsEmpty, decompression: decompression, threads: .singleton,
            gate: gate, progress: progress)
        return try await pipeline.run(source, expectedBytes: expectedBytes) { [key] size, digests in
            ObjectDescription(image: key.image, sizeBytes: size, digests: digests)
        }
    }

    func sizes() async throws -> [Int64?] {
        var sizes: [Int64?] = []
        for target in targets { sizes.append(try await target.size(key)) }
        return sizes
    }

    /// The same stores, for another run.
    func again() -> Fixture {
        var fixture = self
        fixture.key = ObjectKey(image: .random(), nonce: .mint())
        return fixture
    }

    /// Nothing visible in any store, and nothing held open.
    func expectNothingThere(_ location: SourceLocation = #_sourceLocation) async throws {
        #expect(try await sizes().allSatisfy { $0 == nil }, sourceLocation: location)
        #expect(try openDescriptors(containing: root).isEmpty, sourceLocation: location)
    }
}

func storeID(_ name: String) -> StoreID { StoreID(rawValue: name).unsafelyUnwrapped }

func digests(of bytes: ByteBuffer) -> ContentDigests {
    var (md5, sha512) = (StreamDigest(.md5), StreamDigest(.sha512))
    md5.update(bytes)
    sha512.update(bytes)
    return ContentDigests(md5: md5.finalize(), sha512: sha512.finalize())
}

/// A source that has all its pieces, then ends or fails.
struct Pieces: AsyncSequence, Sendable {
    var pieces: [ByteBuffer]
    var failure: (any Error)?
    var onNext: @Sendable (Int) async throws -> Void = { _ in }

    init(pieces: [ByteBuffer], failure: (any Error)? = nil) {
        self.pieces = pieces
        self.failure = failure
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: self) }

    struct AsyncIterator: AsyncIteratorProtocol {
        let source: Pieces
        var index = 0

        mutating func next() async throws -> ByteBuffer? {
            try await source.onNext(index)
            guard index < source.pieces.count else {
                if let failure = source.failure { throw failure }
                return nil
            }
            defer { index += 1 }
            return source.pieces[index]
        }
    }
}

struct OpenGate: WriteGate {
    func pass() async throws {}
}

/// Lets a number of writes pass; then waits for ever, or throws.
final class CountingGate: WriteGate {
    private let left: Mutex<Int>
    private let failure: (any Error)?
    let (waiting, wait) = AsyncStream.makeStream(of: Void.self)

    init(lettingPass count: Int, then failure: (any Error)? = nil) {
        left = Mutex(count)
        self.failure = failure
    }

    func pass() async throws {
        if left.withLock({ left in
            left -= 1
            return left >= 0
        }) {
            return
        }
        if let failure { throw failure }
        wait.yield()
        try await Task.sleep(for: .seconds(3600))
    }
}

/// A store that fails from the write or the commit of a given number on.
struct FailingStorage: WrappingStorage {
    enum Point: Sendable { case create, write(Int), commit }

    let base: any ImageStorage
    let point: Point

    var failure: StorageError { .unavailable(id, reason: "the test said so") }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        if case .create = point { throw failure }
        return Writer(base: try await base.create(key, expectedBytes: expectedBytes), storage: self)
    }

    final class Writer: ObjectWriter {
        let base: any ObjectWriter
        let storage: FailingStorage
        private let writes = Mutex(0)

        init(base: any ObjectWriter, storage: FailingStorage) {
            self.base = base
            self.storage = storage
        }

        func write(_ block: ByteBuffer) async throws(StorageError) {
            let number = writes.withLock { writes in
                defer { writes += 1 }
                return writes
            }
            if case .write(let from) = storage.point, number >= from { throw storage.failure }
            try await base.write(block)
        }
        func commit(_ description: ObjectDescription) async throws(StorageError) {
            if case .commit = storage.point { throw storage.failure }
            try await base.commit(description)
        }
        func abandon() async { await base.abandon() }
    }
}

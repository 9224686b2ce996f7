import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import NIOPosix
import StorageConformance
import Synchronization
import TestSupport
import Testing

@testable import ImageAPI

@Suite struct StoreHealthTests {
    @Test func `a store that hangs is told of, and asked again once it has answered`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // the system's own cleaning does it else
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let storage = FilesystemStorage(
            id: try #require(StoreID(rawValue: "main")), root: folder.path, threads: threads)
        try await storage.setMarker(StoreMarker(catalogId: "test", mark: 0))
        #expect(await StoreHealth().problem(of: storage) == nil)

        // A system call that does not return, on the only thread that the store has.
        let hanging = DispatchSemaphore(value: 0)
        threads.submit { _ in hanging.wait() }
        let health = StoreHealth(patience: .milliseconds(20), freshness: .zero)
        let counted = AskedStorage(base: storage)
        for _ in 0..<3 { #expect(await health.problem(of: counted)?.contains("has not answered") == true) }
        #expect(counted.checks == 1)
        hanging.signal()
        try await eventually { await health.problem(of: storage) == nil }
        let fresh = StoreHealth(patience: .seconds(60), freshness: .seconds(3600))
        #expect(await fresh.problem(of: storage) == nil)
        try FileManager.default.removeItem(at: folder)
        #expect(await fresh.problem(of: storage) == nil)
        #expect(await StoreHealth(patience: .seconds(60)).problem(of: storage)?.contains("store 'main'") == true)
        try await threads.shutdownGracefully()
    }

    private func withTemporaryStore(_ body: (URL, FilesystemStorage) async throws -> Void) async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // the system's own cleaning does it else
        let storage = FilesystemStorage(
            id: try #require(StoreID(rawValue: "main")), root: folder.path, threads: .singleton)
        try await storage.setMarker(StoreMarker(catalogId: "test", mark: 0))
        try await body(folder, storage)
    }

    @Test
    func `a store is asked once for all who ask at once, not again while its answer is fresh, and else each time`()
        async throws
    {
        try await withTemporaryStore { folder, storage in
            let counted = AskedStorage(base: storage)
            let health = StoreHealth(patience: .seconds(60), freshness: .seconds(3600))
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { #expect(await health.problem(of: counted) == nil) } }
            }
            #expect(await health.problem(of: counted) == nil)
            #expect(counted.checks == 1)
            let impatient = StoreHealth(patience: .seconds(60), freshness: .zero)
            for _ in 0..<3 { #expect(await impatient.problem(of: counted) == nil) }
            #expect(counted.checks == 4)
            // A failure is no answer to keep.
            try FileManager.default.removeItem(at: folder)
            let other = StoreHealth(patience: .seconds(60), freshness: .seconds(3600))
            for _ in 0..<3 { #expect(await other.problem(of: counted) != nil) }
            #expect(counted.checks == 7)
        }
    }
}

/// A store that counts how often it is asked whether it can be used.
private final class AskedStorage: WrappingStorage {
    let base: any ImageStorage
    private let count = Mutex(0)

    init(base: any ImageStorage) { self.base = base }

    var checks: Int { count.withLock(\.self) }

    func check() async throws(StorageError) {
        count.withLock { $0 += 1 }
        try await base.check()
    }
}

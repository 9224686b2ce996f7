import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import NIOPosix
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
        for _ in 0..<3 { #expect(await health.problem(of: storage)?.contains("has not answered") == true) }
        hanging.signal()
        try await eventually { await health.problem(of: storage) == nil }
        let fresh = StoreHealth(patience: .seconds(60), freshness: .seconds(3600))
        #expect(await fresh.problem(of: storage) == nil)
        try FileManager.default.removeItem(at: folder)
        #expect(await fresh.problem(of: storage) == nil)
        #expect(await StoreHealth(patience: .seconds(60)).problem(of: storage)?.contains("store 'main'") == true)
        try await threads.shutdownGracefully()
    }
}

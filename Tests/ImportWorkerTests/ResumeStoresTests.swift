import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import NIOPosix
import RedisClient
import S3Storage
import StorageConformance
import TestSupport
import Testing

@testable import ImportWorker

/// Attempts that go on where others were in a bucket of a real service, and in two stores at once.
@Suite(.service(.seaweedFS)) struct ResumeStoresTests {
    private typealias Import = InterruptedImport

    private static let bucket = WorkBench.id("bucket")
    private static let second = WorkBench.id("second")
    /// A bucket is gone on with where its parts end.
    private static let partBytes = Int(S3Configuration.leastPartBytes)
    private static let both = [WorkBench.storeID, second]

    @Test(
        "an upload is handed over: another worker sends the parts that are missing, and completes it",
        arguments: [InterruptedImport.End.drained, .dead])
    func handedOver(end: InterruptedImport.End) async throws {
        try await WorkBench.with { bench in
            try await Self.withBucket { bucket in
                let story = Import(end: end, stores: [Self.bucket])
                try await story.run(on: bench, beside: [bucket]) { task, server in
                    let begun = try #require(try await Self.uploads(in: bucket).first)
                    let end = try await Import.finish(task, on: bench, beside: [bucket])
                    #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                    #expect(server.requests.count == 2 && Import.offset(server.requests.last) == Self.partBytes)
                    try await Import.expect(Import.bytes, of: task, on: bench, in: bucket)
                    // It was the first one's upload that became the object, and no other was begun.
                    #expect(try await bench.store.image(task.image)?.locations == [Self.bucket: begun.description])
                    #expect(try await Self.uploads(in: bucket).isEmpty)
                    #expect(try await bench.startedOver().isEmpty)
                }
            }
        }
    }

    @Test func `what has become of an upload is looked at: one that was ended is begun anew, and the other store too`()
        async throws
    {
        try await WorkBench.with { bench in
            try await Self.withBucket { bucket in
                let story = Import(stores: [WorkBench.storeID, Self.bucket])
                try await story.run(on: bench, beside: [bucket]) { task, server in
                    let upload = try #require(try await Self.uploads(in: bucket).first)
                    try await bucket.delete(upload)
                    let end = try await Import.finish(task, on: bench, beside: [bucket])
                    #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                    #expect(server.requests.last?.headers["range"] == nil)
                    for store in [bench.storage, bucket] as [any ImageStorage] {
                        try await Import.expect(Import.bytes, of: task, on: bench, in: store)
                    }
                    let told = try await bench.startedOver()
                    #expect(told.count == 1 && told.first?.contains("'bucket' does not have any more") == true)
                    // What both had of the first attempt is to be swept.
                    #expect(try await bench.garbage().isSuperset(of: ["main \(upload)", "bucket \(upload)"]))
                }
            }
        }
    }

    @Test func `a folder and a bucket are gone on with together, from where both have everything`() async throws {
        try await WorkBench.with { bench in
            try await Self.withBucket { bucket in
                let story = Import(end: .dead, stores: [WorkBench.storeID, Self.bucket])
                try await story.run(on: bench, beside: [bucket]) { task, server in
                    let end = try await Import.finish(task, on: bench, beside: [bucket])
                    #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                    #expect(server.requests.count == 2 && Import.offset(server.requests.last) == Self.partBytes)
                    for store in [bench.storage, bucket] as [any ImageStorage] {
                        try await Import.expect(Import.bytes, of: task, on: bench, in: store)
                    }
                    #expect(try await Self.uploads(in: bucket).isEmpty)
                }
            }
        }
    }

    @Test func `a store that was full half way, and has room then, is gone on with like the other`() async throws {
        try await WorkBench.with { bench in
            let filling = FillingStorage(try await Self.folder(bench), room: 7 << 20)
            let story = Import(end: .failed { filling.refuse() }, stores: Self.both)
            try await story.run(on: bench, beside: [filling]) { task, server in
                #expect(try await bench.store.history(task.id).first?.reason.contains("'second' is full") == true)
                filling.makeRoom()
                let end = try await Import.finish(task, on: bench, beside: [filling])
                #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                let offset = try #require(Import.offset(server.requests.last))
                #expect(offset >= 2 << 20 && offset <= 7 << 20 && server.requests.count == 2)
                for store in [bench.storage, filling] as [any ImageStorage] {
                    try await Import.expect(Import.bytes, of: task, on: bench, in: store)
                }
            }
        }
    }

    @Test func `a store that is full again, and is not needed, costs the continued import only itself`() async throws {
        try await WorkBench.with { bench in
            let filling = FillingStorage(try await Self.folder(bench), room: 7 << 20)
            let story = Import(stores: Self.both, mustAll: false)
            try await story.run(on: bench, beside: [filling]) { task, server in
                filling.refuse()
                let end = try await Import.finish(task, on: bench, beside: [filling])
                #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                #expect(try #require(Import.offset(server.requests.last)) >= 2 << 20)
                try await Import.expect(Import.bytes, of: task, on: bench)
                let image = try #require(try await bench.store.image(task.image))
                #expect(Array(image.locations.keys) == [WorkBench.storeID])
                #expect(image.failedStores == [Self.second])
                #expect(try await bench.garbage().contains { $0.hasPrefix("second ") })
            }
        }
    }

    @Test func `beside a store that nobody can go on with, everything is fetched again, into both`() async throws {
        try await WorkBench.with { bench in
            let plain = FillingStorage(try await Self.folder(bench), allowsContinuing: false)
            let story = Import(stores: Self.both, leavesPlace: false)
            try await story.run(on: bench, beside: [plain]) { task, server in
                #expect(try await bench.client.send("EXISTS", "{test}:task:\(task.id):checkpoint").int == 0)
                let end = try await Import.finish(task, on: bench, beside: [plain])
                #expect(end.state == .success && end.attempt == 2, "\(end.message)")
                #expect(server.requests.count == 2 && server.requests.last?.headers["range"] == nil)
                for store in [bench.storage, plain] as [any ImageStorage] {
                    try await Import.expect(Import.bytes, of: task, on: bench, in: store)
                }
            }
        }
    }

    // MARK: Stores

    private static func folder(_ bench: WorkBench) async throws -> FilesystemStorage {
        let storage = FilesystemStorage(id: second, root: bench.folder.path + "/second", threads: bench.threads)
        try await storage.setMarker(StoreMarker(catalogId: WorkBench.catalogID, mark: 0))
        return storage
    }

    private static func withBucket(_ body: (S3Storage) async throws -> Void) async throws {
        let server = try #require(S3Server.current)
        let credentials = S3Credentials(
            accessKeyID: S3Server.accessKeyID, secretAccessKey: S3Server.secretAccessKey)
        var configuration = S3Configuration(
            endpoint: server.endpoint, bucket: S3Server.bucket, credentials: .fixed(credentials))
        configuration.prefix = "store-\(Nonce.mint())"
        configuration.usesPathStyle = true
        configuration.partBytes = Int64(partBytes)
        let storage = try S3Storage(id: bucket, configuration: configuration, threads: .singleton)
        let result = await Result {
            try await storage.setMarker(StoreMarker(catalogId: WorkBench.catalogID, mark: 0))
            // What the service can do is found out.
            try await storage.check()
            try await body(storage)
        }
        await storage.close()
        try result.get()
    }

    /// Of which nobody has made an object yet.
    private static func uploads(in bucket: S3Storage) async throws -> [ObjectKey] {
        var (found, cursor): ([ObjectKey], String?) = ([], nil)
        repeat {
            let page = try await bucket.list(after: cursor)
            found += page.objects.filter { !$0.isCommitted }.map(\.key)
            cursor = page.next
        } while cursor != nil
        return found
    }
}

extension WorkBench {
    /// Why imports were begun anew.
    func startedOver() async throws -> [String] {
        try await store.events(after: "0", atMost: .seconds(1)).filter { $0.type == "started-over" }.map(\.detail)
    }

    /// What is to be swept: a store and a key each.
    func garbage() async throws -> Set<String> {
        Set(try await client.send("ZRANGE", "{test}:garbage", 0, -1).array?.compactMap(\.string) ?? [])
    }
}

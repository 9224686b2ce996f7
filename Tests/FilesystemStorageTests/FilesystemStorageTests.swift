import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import StorageConformance
import TestSupport
import Testing

@Suite struct FilesystemStorageTests {
    @Test(arguments: StorageConformance.checks)
    func `keeps the contract of stores`(check: StorageConformance.Check) async throws {
        try await withStore { store, _ in try await check.run(store) }
    }

    @Test(arguments: StorageConformance.resuming)
    func `goes on with what another writer has begun`(check: StorageConformance.Check) async throws {
        try await withStore { store, _ in try await check.run(store) }
    }

    @Test func `what is not committed is in no place where a reader looks`() async throws {
        try await withStore { store, root in
            let key = ObjectKey(image: .random(), nonce: .mint())
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            await writer.abandon()
            #expect(try files(in: root).filter { $0.contains("\(key.nonce)") } == [path(key) + ".part"])
            #expect(try openDescriptors(containing: root).isEmpty)
        }
    }

    @Test func `a crash between description and object leaves nothing visible, and delete removes it`() async throws {
        try await withStore { store, root in
            let key = ObjectKey(image: .random(), nonce: .mint())
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            await writer.abandon()
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(root)/\(path(key)).json"))
            #expect(try await store.size(key) == nil)
            let page = try await store.list(after: nil)
            #expect(page.objects.map(\.key) == [key])
            #expect(page.objects.map(\.isCommitted) == [false])
            #expect(page.objects.map(\.sizeBytes) == [3])
            try await store.delete(key)
            #expect(try files(in: root) == ["longshore-store.json", "objects"])
        }
    }

    @Test func `files are for this user alone, and a description lies beside each object`() async throws {
        try await withStore { store, root in
            let key = ObjectKey(image: .random(), nonce: .mint())
            let description = ObjectDescription(
                image: key.image, name: "noble", owner: "p1", diskFormat: "raw", containerFormat: "bare", sizeBytes: 3,
                digests: ContentDigests(md5: "m", sha512: "s"))
            let writer = try await store.create(key, expectedBytes: 3)
            try await writer.write(ByteBuffer(string: "abc"))
            try await writer.commit(description)
            #expect(try mode("\(root)/\(path(key))") == 0o600)
            #expect(try mode("\(root)/objects") == 0o700)
            #expect(try mode(root) == 0o700)
            let json = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path(key)).json"))
            #expect(try FleetJSON.decode(ObjectDescription.self, from: json) == description)
            #expect(String(decoding: json, as: UTF8.self).contains("disk_format"))
        }
    }

    @Test func `bytes that the disk did not keep are no object`() async throws {
        try await withStore { store, root in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: 3)
            try await writer.write(ByteBuffer(string: "abc"))
            // Its bytes only; whatever else belongs to it can be kept.
            BrokenDisk.break("\(root)/\(path(key)).part")
            await #expect {
                try await writer.commit(
                    ObjectDescription(image: key.image, sizeBytes: 3, digests: ContentDigests(md5: "", sha512: "")))
            } throws: { "\($0)".contains("fsync") }
            #expect(try await store.size(key) == nil)
        }
    }

    @Test func `what the disk refuses long before the end ends the write`() async throws {
        try await withStore { store, root in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: 64 << 20)
            BrokenDisk.break("\(root)/\(path(key)).part")
            await #expect {
                for _ in 0..<64 { try await writer.write(ByteBuffer(repeating: 1, count: 1 << 20)) }
            } throws: { "\($0)".contains("write") }
            await writer.abandon()
        }
    }

    @Test func `an object of many windows of the disk comes back as it was written`() async throws {
        try await withStore { store, _ in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            // No two blocks alike, and none a divisor of a window.
            let blocks = (0..<40).map { ByteBuffer(repeating: UInt8($0), count: 500_001 + $0) }
            for block in blocks { try await writer.write(block) }
            let bytes = blocks.reduce(0) { $0 + $1.readableBytes }
            try await writer.commit(
                ObjectDescription(
                    image: key.image, sizeBytes: Int64(bytes), digests: ContentDigests(md5: "", sha512: "")))
            var read = ByteBuffer()
            for try await piece in try await store.read(key, range: nil) { read.writeImmutableBuffer(piece) }
            var written = ByteBuffer()
            for block in blocks { written.writeImmutableBuffer(block) }
            #expect(read == written)
        }
    }

    @Test func `a full disk is told as such, early where the size is known, and is not full after the sweep`()
        async throws
    {
        try await withStore(mounting: 4 << 20) { store, _ in
            let (known, unknown) = (newKey(), newKey())
            await #expect {
                try await store.create(known, expectedBytes: 5 << 20)
            } throws: { if case StorageError.full = $0 { true } else { false } }
            let writer = try await store.create(unknown, expectedBytes: nil)
            await #expect {
                for _ in 0..<5 { try await writer.write(ByteBuffer(repeating: 1, count: 1 << 20)) }
            } throws: { "\($0)".contains("store 'main' is full") }
            await writer.abandon()
            try await store.delete(unknown)
            let next = try await store.create(newKey(), expectedBytes: 3 << 20)
            for _ in 0..<3 { try await next.write(ByteBuffer(repeating: 1, count: 1 << 20)) }
            await next.abandon()
        }
    }

    @Test func `a folder that is missing is a fault to mend, and only setting up the store makes it`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let root = folder.path + "/not/mounted"
        let store = FilesystemStorage(id: mainID, root: root, threads: .singleton)
        #expect(try await store.marker() == nil)
        for attempt in [
            { _ = try await store.create(newKey(), expectedBytes: nil) },
            { _ = try await store.read(newKey(), range: nil) },
            { _ = try await store.size(newKey()) },
            { try await store.delete(newKey()) },
            { _ = try await store.list(after: nil) },
            { try await store.check() },
        ] as [() async throws -> Void] {
            await #expect { try await attempt() } throws: {
                if case StorageError.misconfigured(_, let reason) = $0 { reason.contains(root) } else { false }
            }
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/not"))
        try await store.setMarker(StoreMarker(catalogId: "c", mark: 0))
        try await store.check()
    }

    @Test func `a new marker replaces none`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = FilesystemStorage(id: mainID, root: folder.path, threads: .singleton)
        let held = StoreMarker(catalogId: "c", mark: 7, heldBecause: "lost")
        try await store.setMarker(held, ifAbsent: true)
        try await store.setMarker(StoreMarker(catalogId: "c", mark: 9), ifAbsent: true)
        #expect(try await store.marker() == held)
        #expect(try files(in: folder.path) == ["longshore-store.json"])
    }

    @Test func `a folder without a marker, or with a broken one, is not used`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = FilesystemStorage(id: mainID, root: folder.path, threads: .singleton)
        await #expect { try await store.check() } throws: { "\($0)".contains("mount the file system") }
        try Data("{".utf8).write(to: folder.appendingPathComponent("longshore-store.json"))
        await #expect { try await store.check() } throws: { "\($0)".contains("cannot be read") }
        #expect(try files(in: folder.path) == ["longshore-store.json"])
    }

    @Test func `links do not lead out of the root`() async throws {
        try await withStore { store, root in
            let key = newKey()
            let outside = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: outside) }
            let manager = FileManager.default
            try manager.createDirectory(atPath: "\(root)/objects", withIntermediateDirectories: true)
            try manager.createSymbolicLink(
                atPath: "\(root)/objects/\(key.image.rawValue.prefix(2))", withDestinationPath: outside.path)
            await #expect(throws: StorageError.self) { try await store.create(key, expectedBytes: nil) }
            await #expect(throws: StorageError.self) { try await store.read(key, range: nil) }
            #expect(try files(in: outside.path).isEmpty)
        }
    }

    @Test func `a body that is dropped half-way, or whose reader is cancelled, closes its file`() async throws {
        try await withStore { store, root in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            for _ in 0..<4 { try await writer.write(ByteBuffer(repeating: 7, count: 1 << 20)) }
            try await writer.commit(
                ObjectDescription(image: key.image, sizeBytes: 4 << 20, digests: ContentDigests(md5: "", sha512: "")))
            for try await _ in try await store.read(key, range: nil) { break }
            try await eventually { try openDescriptors(containing: root).isEmpty }

            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let reader = Task {
                for try await _ in try await store.read(key, range: nil) {
                    start.yield()
                    try await Task.sleep(for: .seconds(3600))
                }
            }
            for await _ in started { break }
            #expect(try openDescriptors(containing: root).count == 1)
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            try await eventually { try openDescriptors(containing: root).isEmpty }
        }
    }

    @Test func `an object that was cut short on the disk is not delivered as whole`() async throws {
        try await withStore { store, root in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "0123456789"))
            try await writer.commit(
                ObjectDescription(image: key.image, sizeBytes: 10, digests: ContentDigests(md5: "", sha512: "")))
            let body = try await store.read(key, range: nil)
            #expect(truncate("\(root)/\(path(key))", 4) == 0)
            await #expect {
                for try await _ in body {}
            } throws: { if case StorageError.unavailable = $0 { true } else { false } }
        }
    }

    private let mainID = StoreID(rawValue: "main").unsafelyUnwrapped
    private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }
    private func path(_ key: ObjectKey) -> String { "objects/\(key.image.rawValue.prefix(2))/\(key)" }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func files(in root: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root).filter { path in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder)
            return !isFolder.boolValue || path == "objects"
        }.filter { $0 != "objects" || !$0.isEmpty }.sorted()
    }

    private func withStore(
        mounting bytes: Int? = nil, _ body: (FilesystemStorage, _ root: String) async throws -> Void
    ) async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let root = folder.path + "/store"
        if let bytes {
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
            try #require(mount("tmpfs", root, "tmpfs", 0, "size=\(bytes),mode=0700") == 0, "mounting needs root")
        }
        defer { if bytes != nil { umount2(root, CInt(MNT_DETACH)) } }
        let store = FilesystemStorage(id: mainID, root: root, threads: .singleton)
        try await store.setMarker(StoreMarker(catalogId: "catalog", mark: 1))
        try await body(store, root)
    }
}

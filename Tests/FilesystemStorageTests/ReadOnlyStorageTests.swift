import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite struct ReadOnlyStorageTests {
    @Test func `what a read-only store has is read, and nothing is written, marked or deleted`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // the system's own cleaning does it else
        let id = try #require(StoreID(rawValue: "old"))
        let base = FilesystemStorage(id: id, root: folder.path, threads: .singleton)
        let closed = ReadOnlyStorage(base)
        #expect(closed.isReadOnly && !base.isReadOnly && closed.id == id && closed.kind == base.kind)
        await #expect { try await closed.check() } throws: { "\($0)".contains("has no marker") }

        let marker = StoreMarker(catalogId: "c", mark: 7)
        try await base.setMarker(marker)
        let key = ObjectKey(image: .random(), nonce: .mint())
        let writer = try await base.create(key, expectedBytes: 5)
        try await writer.write(ByteBuffer(string: "bytes"))
        let digests = ContentDigests(
            md5: String(repeating: "0", count: 32), sha512: String(repeating: "0", count: 128))
        try await writer.commit(ObjectDescription(image: key.image, sizeBytes: 5, digests: digests))
        let before = try contents(of: folder)

        try await closed.check()
        #expect(try await closed.marker() == marker)
        #expect(try await closed.size(key) == 5)
        #expect(try await closed.list(after: nil).objects.count == 1)
        var read = ByteBuffer()
        for try await block in try await closed.read(key, range: 1..<4) { read.writeImmutableBuffer(block) }
        #expect(String(buffer: read) == "yte")
        await #expect { try await closed.delete(key) } throws: { "\($0)".contains("read-only") }
        await #expect { try await closed.setMarker(marker) } throws: { "\($0)".contains("read-only") }
        await #expect {
            _ = try await closed.create(ObjectKey(image: .random(), nonce: .mint()), expectedBytes: nil)
        } throws: {
            "\($0)".contains("read-only")
        }
        #expect(try contents(of: folder) == before)
    }

    private func contents(of folder: URL) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: folder.path))
    }
}

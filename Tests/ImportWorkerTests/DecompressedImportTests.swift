import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import ImportWorker

/// Compressed images, imported from the web and from staged uploads by a worker that decompresses.
@Suite struct DecompressedImportTests {
    /// An image of 8 MiB in the format of QEMU, with some data in it.
    private func disk(_ bench: WorkBench) throws -> [UInt8] {
        let path = bench.folder.appending(path: "\(UUID().uuidString).qcow2")
        try ServerProcess.run(
            "/usr/bin/env", ["qemu-img", "create", "-q", "-f", "qcow2", path.path, "8M"],
            log: bench.folder.appending(path: "qemu-img.log"))
        return Array(try Data(contentsOf: path))
    }

    private func gzip(_ bytes: [UInt8], _ bench: WorkBench) throws -> [UInt8] {
        let path = bench.folder.appending(path: UUID().uuidString)
        try Data(bytes).write(to: path)
        try ServerProcess.run("/usr/bin/env", ["gzip", path.path], log: bench.folder.appending(path: "gzip.log"))
        return Array(try Data(contentsOf: path.appendingPathExtension("gz")))
    }

    private func importing(
        _ bytes: [UInt8], as image: (disk: String, container: String) = ("qcow2", "bare"), checksum: String? = nil,
        _ bench: WorkBench, _ decompression: DecompressionLimits? = DecompressionLimits()
    ) async throws -> TaskRecord {
        let server = try await ScriptedHTTPServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
        }
        let task = try await bench.queue(server.url(), as: image.disk, in: image.container, checksum: checksum)
        let ended = try await running([try bench.claimLoop(decompression: decompression)]) {
            try await bench.end(of: task.id)
        }
        try await server.stop()
        return ended
    }

    private func stored(_ image: ImageID, _ bench: WorkBench) async throws -> (ImageRecord, [UInt8]) {
        let record = try #require(try await bench.store.image(image))
        let key = try #require(record.locations[WorkBench.storeID].flatMap { ObjectKey($0) })
        var bytes: [UInt8] = []
        for try await piece in try await bench.storage.read(key, range: nil) { bytes += Array(piece.readableBytesView) }
        return (record, bytes)
    }

    private func digest(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> String {
        var digest = StreamDigest(algorithm)
        digest.update(ByteBuffer(bytes: bytes))
        return digest.finalize()
    }

    @Test func `size, digests and virtual size are those of the image, the checksum is that of the download`()
        async throws
    {
        try await WorkBench.with { bench in
            let disk = try disk(bench)
            let packed = try gzip(disk, bench)
            let ended = try await importing(packed, checksum: "sha256:\(digest(.sha256, packed))", bench)
            #expect(ended.state == .success, "\(ended.message)")
            let (image, bytes) = try await stored(ended.image, bench)
            #expect(bytes == disk)
            #expect(image.sizeBytes == Int64(disk.count))
            #expect(image.virtualSizeBytes == 8 << 20)
            #expect(image.digests?.sha512 == digest(.sha512, disk))
            let told = try await bench.store.provenance(of: image.id)
            #expect(told?.received == "sha256:\(digest(.sha256, packed))" && told?.sizeBytes == Int64(packed.count))
            let unasked = try await importing(packed, bench).image
            #expect(
                try await bench.store.provenance(of: unasked)?.received == "sha512:\(digest(.sha512, packed))")
            let plain = try await importing(disk, bench).image
            #expect(try await bench.store.provenance(of: plain)?.received == nil)
        }
    }

    @Test func `what is compressed by its nature, or not to be decompressed, stays as it is`() async throws {
        try await WorkBench.with { bench in
            let packed = try gzip(Array("a ramdisk or an archive".utf8), bench)
            for image in [("raw", "compressed"), ("ari", "ari"), ("aki", "aki")] {
                let ended = try await importing(packed, as: image, bench)
                #expect(ended.state == .success, "\(image): \(ended.message)")
                #expect(try await stored(ended.image, bench).1 == packed)
            }
            let off = try await importing(packed, as: ("raw", "bare"), bench, nil)
            #expect(try await stored(off.image, bench).1 == packed)
        }
    }

    @Test func `what comes out is inspected, and what cannot come out is rejected at once`() async throws {
        try await WorkBench.with { bench in
            let packed = try gzip(try disk(bench), bench)
            let other = try await importing(packed, as: ("raw", "bare"), bench)
            #expect(other.result == .rejected && other.message.contains("qcow2"))
            let cut = try await importing(Array(packed.dropLast()), bench)
            #expect(cut.result == .rejected && cut.attempt == 1)
            #expect(cut.message.contains("gzip data ends before its end"))
            let bomb = try gzip(Array(repeating: 0, count: 70 << 20), bench)
            let refused = try await importing(bomb, as: ("raw", "bare"), bench)
            #expect(refused.result == .rejected && refused.message.contains("import.decompress.max-ratio"))
            #expect(try await bench.store.image(refused.image)?.status == .queued)
        }
    }

    @Test func `staged data is decompressed into an object of its own, and what was staged goes`() async throws {
        try await WorkBench.with { bench in
            let disk = try disk(bench)
            let packed = try gzip(disk, bench)
            for checksum in [nil, "md5:\(digest(.md5, packed))", "sha256:\(digest(.sha256, packed))"] {
                let image = try await bench.image("qcow2")
                try await stage(packed, as: image, bench)
                let staged = try #require(try await bench.store.image(image.id)?.stage)
                let task = NewTask(
                    id: .random(), image: image.id,
                    request: ImportRequest(
                        method: .glanceDirect, stores: [WorkBench.storeID],
                        checksum: try checksum.map { try ExpectedDigest(parsing: $0) }), owner: "project")
                _ = try await bench.store.createImport(task, wanted: .uploading)
                let loop = try bench.claimLoop(decompression: DecompressionLimits())
                let ended = try await running([loop]) { try await bench.end(of: task.id) }
                #expect(ended.state == .success, "\(ended.message)")
                let (record, bytes) = try await stored(image.id, bench)
                #expect(bytes == disk)
                #expect(record.virtualSizeBytes == 8 << 20)
                #expect(record.locations[WorkBench.storeID] != staged.key)
                let garbage = try await bench.client.send("ZRANGE", "{test}:garbage", 0, -1).array ?? []
                #expect(garbage.compactMap(\.string).contains("main \(staged.key)"))
            }
        }
    }

    @Test func `staged data that has changed since is rejected, whatever it decompresses to`() async throws {
        try await WorkBench.with { bench in
            let packed = try gzip(try disk(bench), bench)
            let image = try await bench.image("qcow2")
            try await stage(packed, as: image, bench)
            let staged = try #require(try await bench.store.image(image.id)?.stage)
            // Only the time that the header carries: what comes out is the same.
            let nonce = try #require(ObjectKey(staged.key)).nonce.description
            let files = FileManager.default.enumerator(at: bench.folder, includingPropertiesForKeys: nil)?.compactMap {
                $0 as? URL
            }
            let object = try #require(
                files?.first { $0.path.contains(nonce) && (try? Data(contentsOf: $0))?.count == packed.count })
            let file = try FileHandle(forUpdating: object)
            try file.seek(toOffset: 4)
            try file.write(contentsOf: Data([1, 2, 3, 4]))
            try file.close()
            let task = NewTask(
                id: .random(), image: image.id,
                request: ImportRequest(method: .glanceDirect, stores: [WorkBench.storeID]), owner: "project")
            _ = try await bench.store.createImport(task, wanted: .uploading)
            let loop = try bench.claimLoop(decompression: DecompressionLimits())
            let ended = try await running([loop]) { try await bench.end(of: task.id) }
            #expect(ended.result == .rejected)
            #expect(ended.message == "the staged data is not what was uploaded; upload it again")
        }
    }

    @Test func `what decompresses to nothing is rejected, staged or not`() async throws {
        try await WorkBench.with { bench in
            let packed = try gzip([], bench)
            let fetched = try await importing(packed, as: ("raw", "bare"), bench)
            #expect(fetched.result == .rejected && fetched.message.contains("empty"), "\(fetched.message)")
            let image = try await bench.image("raw")
            try await stage(packed, as: image, bench)
            let task = NewTask(
                id: .random(), image: image.id,
                request: ImportRequest(method: .glanceDirect, stores: [WorkBench.storeID]), owner: "project")
            _ = try await bench.store.createImport(task, wanted: .uploading)
            let loop = try bench.claimLoop(decompression: DecompressionLimits())
            let ended = try await running([loop]) { try await bench.end(of: task.id) }
            #expect(ended.result == .rejected && ended.message == fetched.message, "\(ended.message)")
            #expect(try await bench.store.image(image.id)?.status == .queued)
        }
    }

    private func stage(_ bytes: [UInt8], as image: ImageRecord, _ bench: WorkBench) async throws {
        let upload = UploadAttempt(
            store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads,
            maxBytes: 1 << 30, logger: bench.logger)
        let staging = NewTask(
            id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
            owner: "project")
        let staged = try await upload.run(
            .stage, of: image, staging, into: bench.storage, body: OneBlock(bytes: bytes), expectedBytes: nil)
        guard case .published = staged else { throw InvalidValue("not staged: \(staged)") }
    }
}

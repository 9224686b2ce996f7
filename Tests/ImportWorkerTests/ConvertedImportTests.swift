import Foundation
import Glibc
import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import NIOPosix
import RedisClient
import TestSupport
import Testing

@testable import ImportWorker

/// Images that are stored in another format than they come in, by a worker that converts.
@Suite struct ConvertedImportTests {
    @Test func `the image has the format, the size and the digests of what it was converted to`() async throws {
        try await ConvertingBench.with { bench in
            let (disk, qcow2) = try bench.disk()
            let checksum = "sha256:\(bench.digest(.sha256, qcow2))"
            let ended = try await bench.importing(qcow2, as: "qcow2", checksum: checksum)
            #expect(ended.state == .success, "\(ended.message)")
            let (image, bytes) = try await bench.stored(ended.image)
            #expect(bytes == disk)
            #expect(image.diskFormat == "raw" && image.containerFormat == "bare")
            #expect(image.sizeBytes == Int64(disk.count) && image.virtualSizeBytes == Int64(disk.count))
            #expect(image.digests?.md5 == bench.digest(.md5, disk))
            #expect(image.digests?.sha512 == bench.digest(.sha512, disk))
            // Of the bytes as they were received.
            let provenance = try await bench.bench.store.provenance(of: image.id)
            #expect(provenance?.checksum == checksum && provenance?.sizeBytes == Int64(qcow2.count))
            #expect(provenance?.received == "sha512:\(bench.digest(.sha512, qcow2))")
            let wrong = try await bench.importing(
                qcow2, as: "qcow2", checksum: "sha256:\(bench.digest(.sha256, disk))", with: bench.recorder())
            #expect(wrong.result == .rejected && wrong.message.contains("digest"))
            #expect(try bench.callCount() == 0)
        }
    }

    @Test(arguments: ["qcow2", "vmdk"])
    func `a raw disk is stored in the format that is configured`(format: String) async throws {
        try await ConvertingBench.with { bench in
            let (disk, _) = try bench.disk()
            let converter = ImageConverter(to: format, scratch: bench.scratch, threads: bench.threads)
            let ended = try await bench.importing(disk, as: "raw", with: converter)
            #expect(ended.state == .success, "\(ended.message)")
            let (image, bytes) = try await bench.stored(ended.image)
            #expect(image.diskFormat == format && image.virtualSizeBytes == Int64(disk.count))
            #expect(image.sizeBytes == Int64(bytes.count) && bytes.count < disk.count)
        }
    }

    @Test func `what has the format already, and what is no plain disk, is stored as it comes`() async throws {
        try await ConvertingBench.with { bench in
            let (disk, qcow2) = try bench.disk()
            for (bytes, disk, container) in [
                (disk, "raw", "bare"), (qcow2, "qcow2", "ova"), (Array("a ramdisk".utf8), "ari", "ari"),
            ] {
                let ended = try await bench.importing(bytes, as: disk, in: container, with: bench.recorder())
                #expect(ended.state == .success, "\(disk): \(ended.message)")
                let (image, stored) = try await bench.stored(ended.image)
                #expect(stored == bytes && image.diskFormat == disk && image.containerFormat == container)
            }
            #expect(try bench.callCount() == 0)
        }
    }

    @Test func `what is compressed is decompressed, and then converted`() async throws {
        try await ConvertingBench.with { bench in
            let (disk, qcow2) = try bench.disk()
            let packed = try bench.gzip(qcow2)
            let ended = try await bench.importing(
                packed, as: "qcow2", checksum: "md5:\(bench.digest(.md5, packed))",
                decompression: DecompressionLimits())
            #expect(ended.state == .success, "\(ended.message)")
            #expect(try await bench.stored(ended.image).1 == disk)
        }
    }

    @Test func `staged data is converted into an object of its own, and what was staged goes`() async throws {
        try await ConvertingBench.with { bench in
            let (disk, qcow2) = try bench.disk()
            let (ended, staged) = try await bench.importingStaged(qcow2, as: "qcow2")
            #expect(ended.state == .success, "\(ended.message)")
            let (image, bytes) = try await bench.stored(ended.image)
            #expect(bytes == disk && image.diskFormat == "raw")
            #expect(image.locations[WorkBench.storeID] != staged)
            let garbage = try await bench.bench.client.send("ZRANGE", "{test}:garbage", 0, -1).array ?? []
            #expect(garbage.compactMap(\.string).contains("main \(staged)"))
            // What needs no conversion is adopted as ever.
            let (adopted, key) = try await bench.importingStaged(disk, as: "raw")
            #expect(adopted.state == .success, "\(adopted.message)")
            #expect(try await bench.stored(adopted.image).0.locations[WorkBench.storeID] == key)
        }
    }

    @Test func `hostile images, and those of another format than declared, never reach the converter`() async throws {
        try await ConvertingBench.with { bench in
            let (_, qcow2) = try bench.disk()
            let file = bench.folder + "/secret"
            try Data(repeating: 7, count: 1 << 20).write(to: URL(filePath: file))
            let backed = try bench.qemuImage(["create", "-f", "qcow2", "-b", file, "-F", "raw"], ["1M"])
            let outside = try bench.qemuImage(
                ["create", "-f", "qcow2", "-o", "data_file=\(file),data_file_raw=on"], ["1M"])
            let flat = Array(
                """
                # Disk DescriptorFile
                version=1
                CID=fffffffe
                parentCID=ffffffff
                createType="monolithicFlat"
                RW 2048 FLAT "\(file)" 0
                """.utf8)
            for (bytes, format) in [
                (backed, "qcow2"), (outside, "qcow2"), (flat, "vmdk"), (qcow2, "vmdk"), (backed, "vhdx"),
                (Array(qcow2.prefix(100)), "qcow2"),
            ] {
                let ended = try await bench.importing(
                    bytes, as: format, mustMatchFormat: false, with: bench.recorder())
                #expect(ended.result == .rejected, "\(format): \(ended.message)")
            }
            // Nor does one that would be stored as it is.
            let disguised = try await bench.importing(
                qcow2, as: "raw", mustMatchFormat: false, with: bench.recorder())
            #expect(disguised.result == .rejected, "\(disguised.message)")
            #expect(try bench.callCount() == 0)
        }
    }

    @Test func `a disk that is an image itself is refused when it comes out`() async throws {
        try await ConvertingBench.with { bench in
            let inner = bench.folder + "/inner"
            try Data(repeating: 7, count: 1 << 20).write(to: URL(filePath: bench.folder + "/secret"))
            let backed = try bench.qemuImage(
                ["create", "-f", "qcow2", "-b", bench.folder + "/secret", "-F", "raw"], ["1M"])
            try Data(backed).write(to: URL(filePath: inner))
            let outer = try bench.qemuImage(["convert", "-f", "raw", "-O", "qcow2", inner])
            let ended = try await bench.importing(outer, as: "qcow2")
            #expect(ended.result == .rejected)
            #expect(ended.message.contains("converted to raw") && ended.message.contains("qcow2"), "\(ended.message)")
            let image = try await bench.bench.store.image(ended.image)
            #expect(image?.status == .queued && image?.diskFormat == "qcow2")
        }
    }

    @Test func `more than may be converted is refused before it is all there`() async throws {
        try await ConvertingBench.with { bench in
            var limits = ConversionLimits()
            limits.maxBytes = 100_000
            let ended = try await bench.importing(
                try bench.disk().qcow2, as: "qcow2", with: bench.recorder(limits))
            #expect(ended.result == .rejected && ended.message.contains("100000 bytes"), "\(ended.message)")
            #expect(try bench.callCount() == 0)
        }
    }

    @Test func `the task tells how far a conversion is, and a cancel ends it at once`() async throws {
        try await ConvertingBench.with { bench in
            let script = #"printf '    (42.00/100%%)\r'; sleep 1000 & echo $$ >\#(bench.calls); wait"#
            try await bench.during(script) { task in
                try await eventually {
                    let task = try await bench.bench.store.task(task.id)
                    return task?.phase == .converting && task?.message == "Converting to raw: 42 %"
                }
                _ = try await bench.bench.store.cancel(task.id, message: "enough")
                try await bench.expectEnd()
                #expect(try await bench.bench.end(of: task.id).result == .cancelled)
            }
        }
    }

    @Test func `a drain ends the conversion and gives the task back`() async throws {
        try await ConvertingBench.with { bench in
            let task = try await bench.during("sleep 1000 & echo $$ >\(bench.calls); wait") { task in
                try await eventually { FileManager.default.fileExists(atPath: bench.calls) }
                return task
            }
            try await bench.expectEnd()
            let waiting = try #require(try await bench.bench.store.task(task.id))
            #expect(waiting.state == .pending && waiting.spent == 0)
        }
    }

    @Test func `a conversion in which nothing moves is ended and tried again`() async throws {
        try await ConvertingBench.with { bench in
            let script = "echo >>\(bench.calls)x; exec sleep 1000"
            try await bench.during(script, stall: .seconds(1)) { task in
                // The second attempt has begun, and the first one is told of.
                try await eventually { try await bench.bench.store.task(task.id)?.attempt == 2 }
                let attempts = try await bench.bench.store.history(task.id)
                #expect(attempts.contains { $0.reason.contains("while converting") }, "\(attempts.map(\.reason))")
            }
        }
    }
}

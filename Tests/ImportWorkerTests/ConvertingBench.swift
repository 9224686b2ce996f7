import FilesystemStorage
import Foundation
import Glibc
import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import ImportWorker

/// A bench with a scratch folder, and with the real `qemu-img` or something in its place.
struct ConvertingBench: Sendable {
    let bench: WorkBench
    let threads: NIOThreadPool

    static func with(_ body: @Sendable (ConvertingBench) async throws -> Void) async throws {
        try await WorkBench.with { bench in
            let threads = NIOThreadPool(numberOfThreads: 2)
            threads.start()
            let converting = ConvertingBench(bench: bench, threads: threads)
            try FileManager.default.createDirectory(
                atPath: converting.scratch, withIntermediateDirectories: false)
            let result = await Result { try await body(converting) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: converting.scratch).isEmpty)
            try await threads.shutdownGracefully()
            try result.get()
        }
    }

    var folder: String { bench.folder.path }
    var scratch: String { folder + "/scratch" }
    /// Where the stand-ins leave a line for each of their calls.
    var calls: String { folder + "/calls" }

    /// - Parameter script: in place of `qemu-img`, for a shell.
    func converter(_ script: String? = nil, _ limits: ConversionLimits = ConversionLimits()) throws -> ImageConverter {
        guard let script else { return ImageConverter(to: "raw", limits: limits, scratch: scratch, threads: threads) }
        let program = "\(folder)/qemu-img-\(UUID().uuidString)"
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        return ImageConverter(to: "raw", limits: limits, scratch: scratch, program: program, threads: threads)
    }

    /// One that counts its calls, and converts as the real one does.
    func recorder(_ limits: ConversionLimits = ConversionLimits()) throws -> ImageConverter {
        try converter("echo called >>\(calls); exec /usr/bin/qemu-img \"$@\"", limits)
    }

    func callCount() throws -> Int {
        guard FileManager.default.fileExists(atPath: calls) else { return 0 }
        return try String(contentsOfFile: calls, encoding: .utf8).split(separator: "\n").count
    }

    /// A disk of 8 MiB, and the same in the format of QEMU.
    func disk() throws -> (raw: [UInt8], qcow2: [UInt8]) {
        let path = folder + "/disk.raw"
        var disk = [UInt8](repeating: 0, count: 8 << 20)
        for index in 0..<200_000 { disk[(1 << 20) + index] = UInt8(truncatingIfNeeded: index &* 13) }
        try Data(disk).write(to: URL(filePath: path))
        return (disk, try qemuImage(["convert", "-f", "raw", "-O", "qcow2", path]))
    }

    func qemuImage(_ words: [String], _ last: [String] = []) throws -> [UInt8] {
        let path = "\(folder)/\(UUID().uuidString)"
        try ServerProcess.run(
            "/usr/bin/env", ["qemu-img"] + words + [path] + last, log: bench.folder.appending(path: "qemu-img.log"))
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let path = bench.folder.appending(path: UUID().uuidString)
        try Data(bytes).write(to: path)
        try ServerProcess.run("/usr/bin/env", ["gzip", path.path], log: bench.folder.appending(path: "gzip.log"))
        return Array(try Data(contentsOf: path.appendingPathExtension("gz")))
    }

    func digest(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> String {
        var digest = StreamDigest(algorithm)
        digest.update(ByteBuffer(bytes: bytes))
        return digest.finalize()
    }

    /// Imports `bytes` by a worker that converts.
    func importing(
        _ bytes: [UInt8], as disk: String, in container: String = "bare", checksum: String? = nil,
        mustMatchFormat: Bool = true, decompression: DecompressionLimits? = nil, with converter: ImageConverter? = nil
    ) async throws -> TaskRecord {
        let server = try await ScriptedHTTPServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
        }
        let task = try await bench.queue(server.url(), as: disk, in: container, checksum: checksum)
        let loop = try bench.claimLoop(
            mustMatchFormat: mustMatchFormat, decompression: decompression,
            converter: try converter ?? self.converter())
        let ended = try await running([loop]) { try await bench.end(of: task.id) }
        try await server.stop()
        return ended
    }

    /// Runs `body` while a worker converts an image by `script`; then the worker is drained.
    @discardableResult
    func during<Answer: Sendable>(
        _ script: String, stall: Duration = .seconds(30),
        _ body: @Sendable @escaping (TaskRecord) async throws -> Answer
    ) async throws -> Answer {
        let bytes = try disk().qcow2
        let server = try await ScriptedHTTPServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
        }
        let task = try await bench.queue(server.url(), as: "qcow2")
        let loop = try bench.claimLoop(stall: stall, converter: try converter(script))
        let answer = try await running([loop]) { try await body(task) }
        try await server.stop()
        return answer
    }

    /// Imports `bytes` that were staged before; the task, and the key of what was staged.
    func importingStaged(_ bytes: [UInt8], as disk: String) async throws -> (TaskRecord, String) {
        let image = try await bench.image(disk)
        let upload = UploadAttempt(
            store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads,
            maxBytes: 1 << 30, logger: bench.logger)
        let staging = NewTask(
            id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
            owner: "project")
        let staged = try await upload.run(
            .stage, of: image, staging, into: bench.storage, body: OneBlock(bytes: bytes), expectedBytes: nil)
        guard case .published = staged, let key = try await bench.store.image(image.id)?.stage?.key else {
            throw InvalidValue("not staged: \(staged)")
        }
        let task = NewTask(
            id: .random(), image: image.id,
            request: ImportRequest(method: .glanceDirect, stores: [WorkBench.storeID]), owner: "project")
        _ = try await bench.store.createImport(task, wanted: .uploading)
        let loop = try bench.claimLoop(converter: try converter())
        return (try await running([loop]) { try await bench.end(of: task.id) }, key)
    }

    func stored(_ image: ImageID) async throws -> (ImageRecord, [UInt8]) {
        let record = try #require(try await bench.store.image(image))
        let key = try #require(record.locations[WorkBench.storeID].flatMap { ObjectKey($0) })
        var bytes: [UInt8] = []
        for try await piece in try await bench.storage.read(key, range: nil) { bytes += Array(piece.readableBytesView) }
        return (record, bytes)
    }

    /// The stand-in has written its number to `calls`; it and what it has started are gone.
    func expectEnd() async throws {
        let text = try String(contentsOfFile: calls, encoding: .utf8)
        let group = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        try await eventually { kill(-group, 0) != 0 && errno == ESRCH }
    }
}

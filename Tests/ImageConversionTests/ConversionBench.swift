import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import ImageConversion

/// A scratch folder, and programs to stand in for `qemu-img` where the real one is too well-behaved.
struct ConversionBench: Sendable {
    let folder: URL
    let threads: NIOThreadPool

    static func with(_ body: (ConversionBench) async throws -> Void) async throws {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let bench = ConversionBench(folder: try temporaryDirectory(), threads: threads)
        try FileManager.default.createDirectory(atPath: bench.scratch, withIntermediateDirectories: false)
        let result: Result<Void, any Error>
        do { result = .success(try await body(bench)) } catch { result = .failure(error) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.scratch).isEmpty)
        try await threads.shutdownGracefully()
        try FileManager.default.removeItem(at: bench.folder)
        try result.get()
    }

    var scratch: String { folder.path + "/scratch" }

    /// - Parameter script: in place of `qemu-img`, for a shell.
    func converter(
        to format: String = "raw", script: String? = nil, _ change: (inout ConversionLimits) -> Void = { _ in }
    ) throws -> ImageConverter {
        var limits = ConversionLimits()
        change(&limits)
        guard let script else {
            return ImageConverter(to: format, limits: limits, scratch: scratch, threads: threads)
        }
        let program = folder.path + "/qemu-img-\(UUID().uuidString)"
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        return ImageConverter(to: format, limits: limits, scratch: scratch, program: program, threads: threads)
    }

    /// A disk of 4 MiB with data at both ends, in this format.
    func image(_ format: String, _ options: [String] = []) throws -> [UInt8] {
        let (raw, made) = (folder.path + "/made.raw", folder.path + "/made")
        try Data(Self.disk).write(to: URL(filePath: raw))
        try ServerProcess.run(
            "/usr/bin/env", ["qemu-img", "convert", "-f", "raw", "-O", format] + options + [raw, made],
            log: folder.appending(path: "qemu-img.log"))
        return Array(try Data(contentsOf: URL(filePath: made)))
    }

    static let disk: [UInt8] = {
        var disk = [UInt8](repeating: 0, count: 4 << 20)
        for index in 0..<70_000 {
            disk[index + 512] = UInt8(truncatingIfNeeded: index &* 7)
            disk[disk.count - 1 - index] = UInt8(truncatingIfNeeded: index &* 11)
        }
        return disk
    }()

    func scratchFile(_ bytes: [UInt8], _ converter: ImageConverter) async throws -> ScratchFile {
        let file = try await converter.makeScratch()
        let writer = try await ScratchTarget(file).create(
            ObjectKey(image: .random(), nonce: .mint()), expectedBytes: nil)
        for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
            try await writer.write(ByteBuffer(bytes: bytes[start..<min(start + 1 << 20, bytes.count)]))
        }
        return file
    }

    func convert(_ bytes: [UInt8], from format: String, _ converter: ImageConverter) async throws -> [UInt8] {
        let source = try await scratchFile(bytes, converter)
        let result = try await converter.convert(source, from: format) { _ in }
        var converted: [UInt8] = []
        for try await piece in try await result.body() { converted += Array(piece.readableBytesView) }
        return converted
    }

    /// What is said of a conversion that fails.
    func failure(
        of bytes: [UInt8] = [1], from format: String = "qcow2", by converter: ImageConverter
    ) async throws -> ConversionError {
        do {
            _ = try await convert(bytes, from: format, converter)
        } catch let error as ConversionError {
            return error
        }
        throw InvalidValue("it was converted")
    }
}

extension ConversionError {
    var isRefusal: Bool { if case .refused = self { true } else { false } }
    var isPassing: Bool { if case .passing = self { true } else { false } }
}

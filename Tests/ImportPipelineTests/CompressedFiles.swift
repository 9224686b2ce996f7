import Foundation
import NIOCore
import TestSupport
import Testing

@testable import ImportPipeline

/// Makes compressed files with the programs that people make them with.
struct CompressedFiles: Sendable {
    let folder: URL

    static func with<R>(_ body: (CompressedFiles) async throws -> R) async throws -> R {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(CompressedFiles(folder: folder))
    }

    /// Runs a script of the shell in the folder, with `plain` in the file `disk.raw`, and returns what it printed.
    func make(_ script: String, of plain: [UInt8] = []) throws -> [UInt8] {
        let work = folder.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        try Data(plain).write(to: work.appending(path: "disk.raw"))
        try ServerProcess.run(
            "/bin/sh", ["-ec", "cd '\(work.path)'; exec 3>made; { \(script); } >&3"],
            log: work.appending(path: "log"))
        return Array(try Data(contentsOf: work.appending(path: "made")))
    }

    /// Half of it can be compressed.
    static func plain(_ count: Int) -> [UInt8] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { index in
            guard index % 64 < 32 else { return UInt8(truncatingIfNeeded: index >> 9) }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}

extension CompressedFormat {
    /// How the usual program makes a file of this format out of `disk.raw`.
    var usual: String {
        switch self {
        case .gzip: "gzip -c disk.raw"
        case .bzip2: "bzip2 -c disk.raw"
        case .xz: "xz -c disk.raw"
        case .zstd: "zstd -q -c disk.raw"
        case .zip: "zip -q x.zip disk.raw; cat x.zip"
        }
    }

    /// Decompresses `pieces` without a pipeline.
    func decompress(_ pieces: [[UInt8]], _ limits: DecompressionLimits = DecompressionLimits()) throws -> [UInt8] {
        var plain: [UInt8] = []
        try decompress(pieces, limits) { plain += Array($0.readableBytesView) }
        return plain
    }

    /// How many bytes come out.
    func count(_ pieces: [[UInt8]], _ limits: DecompressionLimits) throws -> Int {
        var count = 0
        try decompress(pieces, limits) { count += $0.readableBytes }
        return count
    }

    private func decompress(
        _ pieces: [[UInt8]], _ limits: DecompressionLimits, _ take: (ByteBuffer) -> Void
    ) throws {
        var decompressor = try Decompressor(self, limits, blockBytes: 1 << 16)
        for piece in pieces where !piece.isEmpty {
            var rest = ByteBuffer(bytes: piece)
            while rest.readableBytes > 0 {
                let step = try decompressor.step(rest, isLast: false)
                step.block.map(take)
                if step.isOver { return }
                rest = step.rest
            }
        }
        while true {
            let step = try decompressor.step(ByteBuffer(), isLast: true)
            step.block.map(take)
            if step.isOver { return }
        }
    }
}

/// The reason of a refusal; `nil` where nothing, or something else, was thrown.
func refusal(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
    } catch PipelineError.refusedCompression(let reason) {
        return reason
    } catch {
        Issue.record("another error: \(error)")
    }
    return nil
}

import Foundation
import NIOCore
import TestSupport
import Testing

@testable import ImportPipeline

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

import CDecompress
package import NIOCore

/// The formats that are decompressed, told by their first bytes.
package enum CompressedFormat: String, Sendable, CaseIterable {
    case gzip, bzip2, xz, zstd, zip

    /// How many bytes tell the format.
    package static let markBytes = 10

    /// `nil` for bytes that are in none of the formats; they are an image as they are.
    package init?(startOf bytes: ByteBuffer) {
        let mark = [UInt8](bytes.readableBytesView.prefix(Self.markBytes))
        // What is left out would match by accident: the mark of bzip2 alone is three letters.
        let bzip2Blocks: [[UInt8]] = [[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]]
        if mark.starts(with: [0x1F, 0x8B, 0x08]) {
            self = .gzip
        } else if mark.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .xz
        } else if mark.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) || Self.isSkippable(mark) {
            self = .zstd
        } else if mark.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .zip
        } else if mark.starts(with: Array("BZh".utf8)), bzip2Blocks.contains(Array(mark.dropFirst(4))) {
            self = .bzip2
        } else {
            return nil
        }
    }

    /// A zstd frame that carries no data; parallel compressors begin with one.
    private static func isSkippable(_ mark: [UInt8]) -> Bool {
        mark.count >= 4 && mark[0] & 0xF0 == 0x50 && mark[1...3] == [0x2A, 0x4D, 0x18]
    }

    func makeDecoder(_ limits: DecompressionLimits) throws(PipelineError) -> any StreamDecoder {
        switch self {
        case .gzip: try LibraryDecoder(CDECOMPRESS_GZIP, of: self, limits)
        case .bzip2: try LibraryDecoder(CDECOMPRESS_BZIP2, of: self, limits)
        case .xz: try LibraryDecoder(CDECOMPRESS_XZ, of: self, limits)
        case .zstd: try LibraryDecoder(CDECOMPRESS_ZSTD, of: self, limits)
        case .zip: try ZipDecoder(limits)
        }
    }
}

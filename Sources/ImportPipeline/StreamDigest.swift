import CDigest
package import ImportModel
package import NIOCore

/// A digest in the making: a value, so that a copy taken half-way can be kept and continued.
package struct StreamDigest: Sendable {
    package let algorithm: DigestAlgorithm
    private var state = cdigest_state()
    private let length: Int

    package init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        length = cdigest_init(&state, Self.number(of: algorithm))
    }

    /// Continues a digest that was `saved` after `count` bytes, by whatever process; `nil` for what cannot be one.
    package init?(_ algorithm: DigestAlgorithm, saved: [UInt8], after count: Int64) {
        self.algorithm = algorithm
        length = cdigest_restore(
            &state, Self.number(of: algorithm), saved, saved.count, UInt64(clamping: max(0, count)))
        guard length > 0 else { return nil }
    }

    /// What `saved` can be continued by: processes that have the same one.
    package static var edition: UInt64 { cdigest_edition() }

    /// The digest half-way.
    package var saved: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(CDIGEST_STATE_BYTES))
        let count = withUnsafePointer(to: state) { cdigest_save($0, &bytes) }
        return Array(bytes.prefix(count))
    }

    private static func number(of algorithm: DigestAlgorithm) -> UInt32 {
        let number =
            switch algorithm {
            case .md5: CDIGEST_MD5
            case .sha256: CDIGEST_SHA256
            case .sha512: CDIGEST_SHA512
            }
        return UInt32(number)
    }

    /// Adds the readable bytes of `block`. Takes about 2 ms for 1 MiB: not for the cooperative pool.
    package mutating func update(_ block: ByteBuffer) {
        block.withUnsafeReadableBytes { bytes in cdigest_update(&state, bytes.baseAddress, bytes.count) }
    }

    /// The digest of what was added so far, in lower-case hexadecimal.
    package func finalize() -> String {
        var state = state
        var digest = [UInt8](repeating: 0, count: Int(CDIGEST_MAX_BYTES))
        cdigest_final(&state, &digest)
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        for byte in digest.prefix(length) { hex += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: hex, as: UTF8.self)
    }
}

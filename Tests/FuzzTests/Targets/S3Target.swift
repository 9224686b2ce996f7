import NIOCore
import NIOHTTP1
@testable import S3Storage

/// XML of an object service: a bounded tree that comes back when written, and words that fit on a line.
enum S3Target {
    static func check(_ input: [UInt8]) throws(Violation) {
        let refusal = S3Refusal(status: 400, headers: [:], body: ByteBuffer(bytes: input)) { $0 }
        for word in [refusal.code, refusal.message, refusal.region ?? ""] {
            let isLine = word.count <= 200 && !word.unicodeScalars.contains { $0.value < 32 || $0.value == 127 }
            try require(isLine, "'\(word)' is no line")
        }
        guard let xml = S3XML(parsing: input) else { return }
        try require(depth(xml) <= 17, "\(depth(xml)) levels")
        let written = write(xml)
        guard let again = S3XML(parsing: written.utf8) else {
            throw Violation(description: "'\(written)' cannot be read again")
        }
        try require(write(again) == written, "'\(written)' is read as '\(write(again))'")
        _ = xml.all("Contents").compactMap { $0.value("Key") }
    }

    private static func depth(_ xml: S3XML) -> Int { 1 + (xml.children.map { depth($0) }.max() ?? 0) }

    private static func write(_ xml: S3XML) -> String {
        let inside = xml.children.isEmpty ? S3XML.escape(xml.text) : xml.children.map(write).joined()
        return "<\(xml.name)>\(inside)</\(xml.name)>"
    }
}

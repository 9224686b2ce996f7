import TestSupport
import Testing

/// An image on a server that has ranges, and what may be wrong with its answers.
struct RangedImage: Sendable {
    typealias Request = ScriptedHTTPServer.Request
    typealias Step = ScriptedHTTPServer.Step

    var bytes: [UInt8]
    /// Headers that tell its version.
    var version = ["ETag: \"v1\"", "Accept-Ranges: bytes"]

    init(count: Int) { bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    /// What was asked for: the whole or a part.
    func answer(_ request: Request) -> [Step] {
        guard let range = range(request) else { return whole() }
        return part(range)
    }

    /// The bytes that a request asks for.
    func range(_ request: Request) -> Range<Int>? {
        guard let text = request.headers["range"], text.hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int(ends[0]) else { return nil }
        return first..<(Int(ends[1]).map { $0 + 1 } ?? bytes.count)
    }

    func whole(_ headers: [String]? = nil) -> [Step] { cut(at: bytes.count, headers) }

    /// Breaks off after `count` bytes.
    func cut(at count: Int, _ headers: [String]? = nil) -> [Step] {
        [head("200 OK", ["Content-Length: \(bytes.count)"] + (headers ?? version))]
            + [.sendBytes(Array(bytes.prefix(count)))]
    }

    /// - Parameters:
    ///   - stated: another `Content-Range`.
    ///   - sending: other bytes than those that are announced.
    func part(
        _ range: Range<Int>, stated: String? = nil, _ headers: [String]? = nil, sending: Range<Int>? = nil,
        status: String = "206 Partial Content"
    ) -> [Step] {
        let stated = stated ?? "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
        return [
            head(
                status,
                ["Content-Length: \(range.count)"] + (stated.isEmpty ? [] : ["Content-Range: \(stated)"])
                    + (headers ?? version)),
            .sendBytes(Array(bytes[sending ?? range])),
        ]
    }

    /// A part whose length is not announced, in one chunk.
    func chunked(_ range: Range<Int>, sending: Range<Int>) -> [Step] {
        let sent = sending.clamped(to: 0..<bytes.count)
        return [
            head(
                "206 Partial Content",
                [
                    "Transfer-Encoding: chunked",
                    "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)",
                ] + version),
            .send("\(String(sent.count, radix: 16))\r\n"), .sendBytes(Array(bytes[sent])), .send("\r\n0\r\n\r\n"),
        ]
    }

    private func head(_ status: String, _ headers: [String]) -> Step {
        .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
    }
}

/// An answer to a request for a part that must not be taken.
struct WrongPart: Sendable, CustomTestStringConvertible {
    let name: String
    /// Words of the reason.
    let told: String
    let answer: @Sendable (RangedImage, Range<Int>) -> [ScriptedHTTPServer.Step]

    var testDescription: String { name }

    init(
        _ name: String, _ told: String,
        _ answer: @escaping @Sendable (RangedImage, Range<Int>) -> [ScriptedHTTPServer.Step]
    ) {
        self.name = name
        self.told = told
        self.answer = answer
    }

    static let all: [WrongPart] = [
        .init("the whole", "sent the whole") { image, _ in image.whole() },
        .init("the whole of another version", "has changed") { image, _ in image.whole(["ETag: \"v2\""]) },
        .init("the whole without a version", "has changed") { image, _ in image.whole([]) },
        .init("no range told", "does not say which bytes") { $0.part($1, stated: "") },
        .init("no range", "does not say which bytes") { $0.part($1, stated: "bytes */\($0.bytes.count)") },
        .init("another unit", "does not say which bytes") { $0.part($1, stated: "lines 1-2/\($0.bytes.count)") },
        .init("a range beyond the end", "does not say which bytes") { image, range in
            image.part(range, stated: "bytes \(range.lowerBound)-\(image.bytes.count)/\(image.bytes.count)")
        },
        .init("signs", "does not say which bytes") { image, range in
            image.part(range, stated: "bytes +\(range.lowerBound)-\(range.upperBound - 1)/\(image.bytes.count)")
        },
        .init("two ranges", "does not say which bytes") { image, range in
            image.part(range, image.version + ["Content-Range: bytes 0-1/\(image.bytes.count)"])
        },
        .init("an earlier start", "other bytes") { image, range in
            image.part(range.lowerBound - 1..<range.upperBound)
        },
        .init("a later start", "other bytes") { $0.part($1.lowerBound + 1..<$1.upperBound) },
        .init("the start", "other bytes") { $0.part(0..<$1.upperBound) },
        .init("less than asked for", "other bytes") { $0.part($1.lowerBound..<$1.upperBound - 1) },
        .init("another total", "another length") { image, range in
            image.part(range, stated: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(image.bytes.count + 1)")
        },
        .init("no total", "does not say which bytes") { image, range in
            image.part(range, stated: "bytes \(range.lowerBound)-\(range.upperBound - 1)/*")
        },
        .init("another length", "contradicts itself") { image, range in
            let stated = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(image.bytes.count)"
            return image.part(range.lowerBound..<range.upperBound - 1, stated: stated)
        },
        .init("another version", "has changed") { $0.part($1, ["ETag: \"v2\""]) },
        .init("a weak version", "has changed") { $0.part($1, ["ETag: W/\"v1\""]) },
        .init("no version", "has changed") { $0.part($1, []) },
        .init("two versions", "has changed") { $0.part($1, ["ETag: \"v1\"", "ETag: \"v2\""]) },
        .init("several parts", "parts of a message") { image, range in
            image.part(range, image.version + ["Content-Type: multipart/byteranges; boundary=x"])
        },
        .init("416", "no such bytes any more (416)") { image, range in
            image.part(range, stated: "bytes */\(range.lowerBound)", status: "416 Range Not Satisfiable")
        },
        .init("412", "no such bytes any more (412)") { image, range in
            image.part(range, stated: "", status: "412 Precondition Failed")
        },
    ]
}

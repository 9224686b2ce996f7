import NIOHTTP1

/// Judges the answer to a request for some of a source's bytes.
struct RangeAnswer {
    /// Why an answer is not what was asked for. The source may have changed, or have no ranges, or be wrong.
    struct Mismatch: Error, Hashable {
        /// A clause for a message.
        let reason: String
    }

    let range: ClosedRange<Int64>
    let validators: SourceValidators

    /// Open where it reaches the end.
    var header: String {
        let isRest = range.upperBound + 1 == validators.totalBytes
        return "bytes=\(range.lowerBound)-\(isRest ? "" : String(range.upperBound))"
    }

    /// - Throws: `Mismatch` unless it is exactly the bytes that were asked for, of the version that was asked for.
    func check(_ head: HTTPResponseHead) throws(Mismatch) {
        switch head.status.code {
        case 206: break
        case 200:
            let now = SourceValidators(head.headers, totalBytes: nil)
            guard now.condition != nil, now.etag == validators.etag, now.lastModified == validators.lastModified else {
                throw Mismatch(reason: "the source has changed")
            }
            throw Mismatch(reason: "the server sent the whole although asked for the rest")
        default: throw Mismatch(reason: "the server has no such bytes any more (\(head.status.code))")
        }
        if head.headers["content-type"].contains(where: { $0.lowercased().hasPrefix("multipart/") }) {
            throw Mismatch(reason: "the server sent parts of a message instead of the bytes")
        }
        let stated = head.headers["content-range"]
        guard stated.count == 1, let found = ContentRange(parsing: stated[0]) else {
            throw Mismatch(reason: "the server does not say which bytes it sends")
        }
        guard found.total == validators.totalBytes else {
            throw Mismatch(reason: "the source has another length now")
        }
        guard found.range == range else { throw Mismatch(reason: "the server sent other bytes than were asked for") }
        if let length = head.headers.first(name: "content-length"), Int64(length) != Int64(range.count) {
            throw Mismatch(reason: "the server contradicts itself on how many bytes it sends")
        }
        try checkVersion(head.headers)
    }

    /// A date need not be repeated in an answer to `If-Range`; a tag must be.
    private func checkVersion(_ headers: HTTPHeaders) throws(Mismatch) {
        let tags = headers["etag"]
        let dates = headers["last-modified"]
        let isSame =
            validators.etag.map { tags == [$0] }
            ?? (tags.isEmpty && dates.allSatisfy { $0 == validators.lastModified })
        guard isSame else { throw Mismatch(reason: "the source has changed") }
    }
}

/// `bytes 5-9/10`
struct ContentRange: Equatable {
    let range: ClosedRange<Int64>
    let total: Int64

    init?(parsing text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
        let halves = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let total = Self.number(halves[1]) else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last,
            last < total
        else { return nil }
        range = first...last
        self.total = total
    }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}

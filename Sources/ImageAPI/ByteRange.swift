import HTTPTypes

/// The one range that a download may ask for.
enum ByteRange {
    enum Request: Equatable {
        case whole
        case part(Range<Int64>)
        case unsatisfiable
    }

    /// Reads `Range: bytes=…` for a body of `size` bytes. Units other than bytes are ignored, as HTTP has it.
    static func parse(_ header: String?, size: Int64) throws(APIError) -> Request {
        guard let header else { return .whole }
        let pair = header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2, pair[0].lowercased() == "bytes" else { return .whole }
        guard !pair[1].contains(",") else {
            throw APIError(.badRequest, "Requests with multiple ranges are not supported; ask for one at a time.")
        }
        let bounds = pair[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2 else { throw malformed }
        if bounds[0].isEmpty {
            guard let count = number(bounds[1]) else { throw malformed }
            return count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
        }
        guard let first = number(bounds[0]) else { throw malformed }
        var end = size
        if !bounds[1].isEmpty {
            guard let last = number(bounds[1]), last >= first else { throw malformed }
            end = min(size, last == .max ? size : last + 1)
        }
        return first < size ? .part(first..<end) : .unsatisfiable
    }

    /// Reads `Content-Range: bytes 0-99/*` in a request, which some clients of old send instead.
    static func parse(contentRange header: String, size: Int64) throws(APIError) -> Request {
        guard header.lowercased().hasPrefix("bytes ") else { throw malformed }
        let range = header.dropFirst(6).prefix { $0 != "/" }
        guard !range.hasPrefix("-"), range.contains("-"), !range.hasSuffix("-") else { throw malformed }
        return try parse("bytes=" + range, size: size)
    }

    /// Numbers beyond any size count as the largest.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text) ?? .max
    }

    private static var malformed: APIError {
        APIError(.badRequest, "The range is not well formed; write it as bytes=first-last.")
    }
}

@testable import ImageAPI

/// Headers that ask for a part of an image: a part lies within it, and is the one that a plain reading gives.
enum RangeTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        var deck = ByteDeck(input)
        let size = Int64(deck.number64() >> UInt64(1 + deck.choice(below: 63)))
        let header = deck.text()
        if let request = try? ByteRange.parse(header, size: size) {
            try require(isWithin(request, size), "\(request) of \(size) bytes")
            if let expected = reading(header.utf8, size) {
                try require(request == expected, "\(request) where \(expected) is asked for")
            }
        }
        if let request = try? ByteRange.parse(contentRange: header, size: size) {
            try require(isWithin(request, size), "\(request) of \(size) bytes")
        }
    }

    private static func isWithin(_ request: ByteRange.Request, _ size: Int64) -> Bool {
        guard case .part(let part) = request else { return true }
        return !part.isEmpty && part.lowerBound >= 0 && part.upperBound <= size
    }

    /// What `bytes=first-last` means, in numbers wide enough for all of them; `nil` for other forms.
    private static func reading(_ header: some Sequence<UInt8>, _ size: Int64) -> ByteRange.Request? {
        let text = String(decoding: Array(header), as: UTF8.self)
        guard text.utf8.count < 40, let match = text.wholeMatch(of: /bytes=([0-9]+)-([0-9]*)/) else { return nil }
        guard let first = UInt128(match.1), let last = match.2.isEmpty ? UInt128.max : UInt128(match.2) else {
            return nil
        }
        guard first <= last else { return nil }
        guard first < UInt128(size) else { return .unsatisfiable }
        return .part(Int64(first)..<(last >= UInt128(size) ? size : Int64(last) + 1))
    }
}

/// An input as a row of choices, for targets that make their cases out of it; when it is used up, zeros follow.
struct ByteDeck {
    private var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

    mutating func bit() -> Bool { byte() & 1 == 1 }

    /// A number from 0 on, below `bound`.
    mutating func choice(below bound: Int) -> Int { Int(byte()) % bound }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[choice(below: elements.count)] }

    mutating func number64() -> UInt64 { bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// All that is left, as text; what is no UTF-8 is repaired.
    mutating func text() -> String {
        defer { rest = [] }
        return String(decoding: rest, as: UTF8.self)
    }

    /// All that is left.
    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}

/// `bytes` in pieces whose lengths follow from `seed`.
func pieces(of bytes: [UInt8], seed: UInt8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var (place, step) = (0, UInt(seed))
    while place < bytes.count {
        let end = min(bytes.count, place + 1 + Int(step % 97))
        pieces.append(bytes[place..<end])
        (place, step) = (end, step &* 31 &+ 7)
    }
    return pieces
}

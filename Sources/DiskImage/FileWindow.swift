/// A part of a file, kept while the file streams by.
struct FileWindow: Hashable, Sendable {
    /// Where in the file the part begins, and how many bytes it has when it is complete.
    let offset: UInt64
    let capacity: Int
    private(set) var bytes: [UInt8] = []

    init(at offset: UInt64, count capacity: Int) {
        self.offset = offset
        self.capacity = capacity
    }

    var isFull: Bool { bytes.count >= capacity }

    /// Keeps what lies in this part of a `chunk` that begins at `position` of the file.
    mutating func take(_ chunk: UnsafeRawBufferPointer, at position: UInt64) {
        let next = offset.adding(UInt64(bytes.count))
        guard !isFull, next >= position, next - position < UInt64(chunk.count) else { return }
        let start = Int(next - position)
        bytes.append(contentsOf: chunk[start..<start + min(capacity - bytes.count, chunk.count - start)])
    }

    /// Lets go of all but the first `count` bytes.
    mutating func shorten(to count: Int) {
        bytes = Array(bytes.prefix(count))
    }
}

/// The last bytes of a file of which it is not known when it ends.
struct TailWindow: Hashable, Sendable {
    /// Enough for the footer of a streamed VMDK, the longest of all.
    static let capacity = 1536

    /// A ring once it is full; `next` is the place of its oldest byte.
    private var ring: [UInt8] = []
    private var next = 0

    var bytes: [UInt8] { Array(ring[next...] + ring[..<next]) }

    mutating func take(_ chunk: UnsafeRawBufferPointer) {
        var rest = chunk.suffix(Self.capacity)
        if rest.count == Self.capacity {
            ring = Array(rest)
            next = 0
            return
        }
        let missing = rest.prefix(Self.capacity - ring.count)
        ring.append(contentsOf: missing)
        rest = rest.dropFirst(missing.count)
        for byte in rest {
            ring[next] = byte
            next = next + 1 == Self.capacity ? 0 : next + 1
        }
    }
}

// Saved as hexadecimal text without the zeros at the end, of which headers are full.
extension FileWindow: Codable {
    private enum CodingKeys: String, CodingKey { case offset, capacity, count, hex }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        offset = try values.decode(UInt64.self, forKey: .offset)
        capacity = try values.decode(Int.self, forKey: .capacity)
        let count = try values.decode(Int.self, forKey: .count)
        guard (0...DiskImageInspector.headBytes).contains(capacity), (0...capacity).contains(count),
            let bytes = [UInt8](hex: try values.decode(String.self, forKey: .hex), count: count)
        else { throw DecodingError.dataCorruptedError(forKey: .hex, in: values, debugDescription: "not a window") }
        self.bytes = bytes
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(offset, forKey: .offset)
        try values.encode(capacity, forKey: .capacity)
        try values.encode(bytes.count, forKey: .count)
        try values.encode(bytes.hexWithoutTrailingZeros, forKey: .hex)
    }
}

extension TailWindow: Codable {
    private enum CodingKeys: String, CodingKey { case count, hex }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let count = try values.decode(Int.self, forKey: .count)
        guard (0...Self.capacity).contains(count),
            let bytes = [UInt8](hex: try values.decode(String.self, forKey: .hex), count: count)
        else { throw DecodingError.dataCorruptedError(forKey: .hex, in: values, debugDescription: "not a tail") }
        ring = bytes
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(ring.count, forKey: .count)
        try values.encode(bytes.hexWithoutTrailingZeros, forKey: .hex)
    }
}

extension [UInt8] {
    fileprivate var hexWithoutTrailingZeros: String {
        let kept = prefix((lastIndex { $0 != 0 } ?? -1) + 1)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: kept.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    fileprivate init?(hex: String, count: Int) {
        let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == hex.utf8.count, digits.count % 2 == 0, digits.count / 2 <= count else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        self += [UInt8](repeating: 0, count: count - self.count)
    }
}

/// A structure of a disk format, read field by field.
///
/// It exists only where all its bytes were captured, and a read outside of them gives 0: hostile bytes cannot make
/// one fail. Numbers are handed out as `UInt64` so that sums of them are all made in the same checked way.
struct Record {
    enum Order { case big, little }

    let bytes: ArraySlice<UInt8>
    private let order: Order

    /// `nil` if the `count` bytes at `place` of the file are not all in `window`.
    init?(_ window: FileWindow, at place: UInt64, count: Int, _ order: Order) {
        guard place >= window.offset, place - window.offset <= UInt64(window.bytes.count) else { return nil }
        self.init(window.bytes, at: Int(place - window.offset), count: count, order)
    }

    /// `nil` if the `count` bytes at index `start` are not all there.
    init?(_ all: [UInt8], at start: Int, count: Int, _ order: Order) {
        guard start >= 0, count >= 0, start <= all.count, all.count - start >= count else { return nil }
        bytes = all[start..<start + count]
        self.order = order
    }

    func u8(_ at: Int) -> UInt64 { number(at, 1) }
    func u16(_ at: Int) -> UInt64 { number(at, 2) }
    func u32(_ at: Int) -> UInt64 { number(at, 4) }
    func u64(_ at: Int) -> UInt64 { number(at, 8) }

    /// The bytes of a field; fewer if the record ends in it.
    func field(_ at: Int, _ count: Int) -> ArraySlice<UInt8> {
        bytes.dropFirst(at).prefix(count)
    }

    func isZero(_ at: Int, _ count: Int) -> Bool {
        field(at, count).allSatisfy { $0 == 0 }
    }

    private func number(_ at: Int, _ count: Int) -> UInt64 {
        let field = field(at, count)
        guard field.count == count else { return 0 }
        return order == .big
            ? field.reduce(0) { $0 << 8 | UInt64($1) } : field.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Sums and products of numbers from a file: what is too large stays the largest number, and so fails every
/// comparison with the size of the file.
extension UInt64 {
    func adding(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    func times(_ other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    /// How many pieces of `size` it takes to hold this; none where `size` is 0.
    func pieces(of size: UInt64) -> UInt64 {
        size == 0 ? 0 : self / size + (self % size == 0 ? 0 : 1)
    }

    var isPowerOfTwo: Bool { nonzeroBitCount == 1 }
}

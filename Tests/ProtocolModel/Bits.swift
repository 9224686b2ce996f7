/// A set of small numbers (tasks, stores, objects), as cheap to copy and to hash as an integer.
package struct Bits: Hashable, Sendable, Sequence, ExpressibleByArrayLiteral {
    package var raw: UInt32

    package init(raw: UInt32 = 0) { self.raw = raw }
    package init(arrayLiteral elements: Int...) { self.init(elements) }

    package init(_ elements: some Sequence<Int>) {
        raw = 0
        for element in elements { insert(element) }
    }

    /// All numbers below `count`.
    package static func all(_ count: Int) -> Bits { Bits(raw: count >= 32 ? .max : (1 << UInt32(count)) - 1) }

    package var isEmpty: Bool { raw == 0 }
    package func contains(_ element: Int) -> Bool { raw & (1 << UInt32(element)) != 0 }
    package mutating func insert(_ element: Int) { raw |= 1 << UInt32(element) }
    package mutating func remove(_ element: Int) { raw &= ~(1 << UInt32(element)) }
    package func union(_ other: Bits) -> Bits { Bits(raw: raw | other.raw) }
    package func intersection(_ other: Bits) -> Bits { Bits(raw: raw & other.raw) }
    package func subtracting(_ other: Bits) -> Bits { Bits(raw: raw & ~other.raw) }

    package struct Iterator: IteratorProtocol {
        var rest: UInt32

        package mutating func next() -> Int? {
            guard rest != 0 else { return nil }
            let element = rest.trailingZeroBitCount
            rest &= rest - 1
            return element
        }
    }

    package func makeIterator() -> Iterator { Iterator(rest: raw) }
}

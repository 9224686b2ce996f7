/// Makes new images out of given ones, where readers look: the same ones for the same seed.
package struct Mutations {
    private let seeds: [SampleImage]
    /// For each seed the places that are not empty, where the headers and tables are.
    private let hot: [[Int]]
    private var generator: SeededGenerator

    package init(of seeds: [SampleImage], seed: UInt64) {
        self.seeds = seeds
        hot = seeds.map { sample in
            let words = stride(from: 0, to: sample.bytes.count - 8, by: 8)
            let used = words.lazy.filter { place in sample.bytes[place..<place + 8].contains { $0 != 0 } }
            return Array(used.prefix(400))
        }
        generator = SeededGenerator(seed: seed)
    }

    /// One to three changes to one of the seeds.
    package mutating func next() -> [UInt8] {
        let index = Int.random(in: seeds.indices, using: &generator)
        var bytes = seeds[index].bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...3: putNumber(into: &bytes, at: place(in: bytes, index))
            case 4, 5: bytes[place(in: bytes, index)] = .random(in: 0...255, using: &generator)
            case 6: resize(&bytes)
            case 7, 8: splice(into: &bytes)
            default: putText(into: &bytes, at: place(in: bytes, index))
            }
        }
        return bytes
    }

    private mutating func place(in bytes: [UInt8], _ index: Int) -> Int {
        let word = hot[index].randomElement(using: &generator) ?? 0
        return min(bytes.count - 1, word + Int.random(in: -16...16, using: &generator).magnitudeWithin(word))
    }

    /// Numbers that readers trip over, in either order of bytes.
    private mutating func putNumber(into bytes: inout [UInt8], at place: Int) {
        let count = [1, 2, 4, 8].randomElement(using: &generator) ?? 8
        let edge = UInt64(1) << UInt64.random(in: 0..<64, using: &generator)
        let value =
            [0, 1, 2, 3, 4, 8, edge, edge &- 1, .max, UInt64(bytes.count)].randomElement(using: &generator) ?? 0
        guard place + count <= bytes.count else { return }
        if Bool.random(using: &generator) {
            bytes.put(big: value, count, at: place)
        } else {
            bytes.put(little: value, count, at: place)
        }
    }

    private mutating func resize(_ bytes: inout [UInt8]) {
        if Bool.random(using: &generator) {
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
        } else {
            bytes += [UInt8](
                repeating: .random(in: 0...1, using: &generator), count: .random(in: 1...2048, using: &generator))
        }
    }

    /// Makes it look like several things: the start, the end or a part of another image, or one of the marks.
    private mutating func splice(into bytes: inout [UInt8]) {
        let other = seeds.randomElement(using: &generator)?.bytes ?? []
        guard other.count >= 512 else { return }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes += other.suffix(512)
        case 1:
            let count = [4, 64, 512, 4096].randomElement(using: &generator) ?? 512
            bytes = Array(other.prefix(count)) + bytes.dropFirst(count)
        case 2: bytes += other
        case 3:
            let start = Int.random(in: 0..<min(other.count, 70_000), using: &generator) / 512 * 512
            let part = other[start...].prefix(512)
            if start + part.count <= bytes.count { bytes.put(part, at: start) }
        default:
            let marks: [(Int, [UInt8])] = [
                (32_769, Array("CD001".utf8)), (510, [0x55, 0xAA]), (64, [0x7F, 0x10, 0xDA, 0xBE]),
                (0, Array("QED\0".utf8)), (0, Array("LUKS".utf8) + [0xBA, 0xBE]), (0, Array("COWD".utf8)),
                (512, Array("EFI PART".utf8)), (0, Array("WithoutFreeSpace".utf8)),
            ]
            guard let (place, mark) = marks.randomElement(using: &generator) else { return }
            if place + mark.count <= bytes.count { bytes.put(mark, at: place) }
        }
    }

    private mutating func putText(into bytes: inout [UInt8], at place: Int) {
        let texts = [
            "\nparentFileNameHint=\"/etc/passwd\"\n", "createType=\"monolithicFlat\"",
            "\nRW 16 FLAT \"/etc/passwd\" 0\n",
            "/", "\n", "\0", "version=1\n", "parentCID=1234abcd", "\nRW 16 SPARSE \"a/b\"\n", "# ", "ddb.x = \"/\"\n",
        ]
        let text = Array((texts.randomElement(using: &generator) ?? "").utf8)
        if place + text.count <= bytes.count { bytes.put(text, at: place) }
    }
}

extension Int {
    /// Itself, unless it would lead to before the start.
    fileprivate func magnitudeWithin(_ place: Int) -> Int { place + self < 0 ? 0 : self }
}

/// A string that names one kind of thing and has been checked to be well formed.
///
/// Identifiers become parts of Redis keys and of object keys, so each kind admits a narrow alphabet only.
package protocol Identifier: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible
where RawValue == String {}

extension Identifier {
    package var description: String { rawValue }
}

/// The id of an image: a UUID in lower case, as in the Image API.
package struct ImageID: Identifier {
    package let rawValue: String

    /// `nil` unless `rawValue` is a UUID; upper case is accepted and lowered.
    package init?(rawValue: String) {
        guard let uuid = canonicalUUID(rawValue) else { return nil }
        self.rawValue = uuid
    }

    package static func random() -> ImageID { ImageID(unchecked: randomUUID()) }
    private init(unchecked: String) { rawValue = unchecked }
}

/// The id of a task: a UUID in lower case. It is also the value of the image's lock.
package struct TaskID: Identifier {
    package let rawValue: String

    /// `nil` unless `rawValue` is a UUID; upper case is accepted and lowered.
    package init?(rawValue: String) {
        guard let uuid = canonicalUUID(rawValue) else { return nil }
        self.rawValue = uuid
    }

    package static func random() -> TaskID { TaskID(unchecked: randomUUID()) }
    private init(unchecked: String) { rawValue = unchecked }
}

/// The authority of one attempt: 128 random bits in hexadecimal, minted by the claimant at claim.
package struct Nonce: Identifier {
    package let rawValue: String

    /// `nil` unless `rawValue` is 32 lower-case hexadecimal digits.
    package init?(rawValue: String) {
        guard rawValue.utf8.count == 32, rawValue.utf8.allSatisfy(isLowerHex) else { return nil }
        self.rawValue = rawValue
    }

    package static func mint() -> Nonce { Nonce(unchecked: randomHex(bytes: 16)) }
    private init(unchecked: String) { rawValue = unchecked }
}

/// The name an operator gave to a store: 1 to 64 characters of `a-z A-Z 0-9 _ . -`, not starting with a dot.
package struct StoreID: Identifier, Comparable {
    package let rawValue: String

    /// `nil` unless `rawValue` has the form above.
    package init?(rawValue: String) {
        guard isPlainName(rawValue, upTo: 64) else { return nil }
        self.rawValue = rawValue
    }

    /// What stands in errors for a worker's own scratch folder, which is no store.
    package static let scratch = StoreID(unchecked: "scratch")
    private init(unchecked: String) { rawValue = unchecked }

    package static func < (left: StoreID, right: StoreID) -> Bool { left.rawValue < right.rawValue }
}

/// One running process of the fleet: host, process id and a random part, so that it is never used twice.
package struct ProcessID: Identifier {
    package let rawValue: String

    /// `nil` unless `rawValue` is a plain name of at most 255 characters.
    package init?(rawValue: String) {
        guard isPlainName(rawValue, upTo: 255) else { return nil }
        self.rawValue = rawValue
    }

    /// A fresh id for this process on `host`; characters of the host's name that ids do not admit become `-`.
    package static func mint(host: String, pid: Int32) -> ProcessID {
        let plain = String(host.prefix(200).map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        return ProcessID(unchecked: "\(plain.isEmpty ? "host" : plain)-\(pid)-\(randomHex(bytes: 4))")
    }

    private init(unchecked: String) { rawValue = unchecked }
}

private func isLowerHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

private func isPlainName(_ text: String, upTo limit: Int) -> Bool {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= limit, bytes.first != UInt8(ascii: ".") else { return false }
    return bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// `text` in lower case if it is a UUID in the 8-4-4-4-12 form.
private func canonicalUUID(_ text: String) -> String? {
    guard text.utf8.count == 36 else { return nil }
    let lower = text.lowercased()
    for (index, byte) in lower.utf8.enumerated() {
        let isDash = index == 8 || index == 13 || index == 18 || index == 23
        guard isDash ? byte == UInt8(ascii: "-") : isLowerHex(byte) else { return nil }
    }
    return lower
}

/// A random (version 4) UUID in lower case.
private func randomUUID() -> String {
    var hex = Array(randomHex(bytes: 16))
    hex[12] = "4"
    hex[16] = ["8", "9", "a", "b"][Int.random(in: 0..<4)]
    return [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]].map { String($0) }.joined(separator: "-")
}

private func randomHex(bytes: Int) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var generator = SystemRandomNumberGenerator()
    var hex: [UInt8] = []
    hex.reserveCapacity(bytes * 2)
    // One call for sixteen digits: each goes to the kernel.
    var word: UInt64 = 0
    for index in 0..<bytes * 2 {
        if index % 16 == 0 { word = generator.next() }
        hex.append(digits[Int(word & 15)])
        word >>= 4
    }
    return String(decoding: hex, as: UTF8.self)
}

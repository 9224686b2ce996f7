/// What was found out about an image as one of the formats whose marks it bears.
struct Evidence: Hashable, Sendable, Codable {
    let format: DiskImageFormat
    /// Where the mark lies; `nil` for a mark at the end of the file.
    var markOffset: Int?
    /// The size of the disk inside, in bytes; `nil` if it is the file's own or not known.
    var virtualSizeBytes: UInt64?
    /// Where the disk begins in a file that holds it as it is behind a header.
    var payloadOffset: UInt64?
    private(set) var dangers: [Danger] = []
    private(set) var notes: [String] = []
    /// Parts that the headers speak of; whether they exist is known when the file has ended.
    private var parts: [Part] = []

    init(_ format: DiskImageFormat, markOffset: Int? = 0) {
        self.format = format
        self.markOffset = markOffset
    }

    /// Why and what to do for everything that can only be damage, or is made to crash a reader.
    static let damaged = "it is damaged or made to harm its readers"
    static let again = "get or make the image again"

    mutating func refuse(
        _ code: String, at offset: UInt64?, _ found: String, because why: String = damaged, _ remedy: String = again
    ) {
        // Hostile bytes may offer any number of reasons; a few are enough.
        guard dangers.count < 8 else { return }
        dangers.append(
            Danger(code: "\(format.name).\(code)", offset: offset, found: found, why: why, remedy: remedy))
    }

    mutating func note(_ text: String) {
        guard notes.count < 8 else { return }
        notes.append(text)
    }

    /// The header says that something lies at `offset`; to be refused if the file ends before it does.
    mutating func needs(_ name: String, at offset: UInt64, _ count: UInt64) {
        guard parts.count < 16 else { return }
        parts.append(Part(name: name, offset: offset, end: offset.adding(count)))
    }

    /// Settles what depends on the size of the whole file.
    mutating func conclude(sizeBytes: UInt64) {
        for part in parts where part.end > sizeBytes {
            refuse(
                "outside", at: part.offset,
                "\(part.name) ends at \(part.end), behind the end of the file (\(sizeBytes))")
        }
        parts = []
        if let payloadOffset { virtualSizeBytes = sizeBytes > payloadOffset ? sizeBytes - payloadOffset : 0 }
        if let virtualSizeBytes, virtualSizeBytes > Inspection.largestVirtualSizeBytes {
            refuse("size", at: nil, "it claims a disk of \(virtualSizeBytes) bytes, more than 1 EiB")
        }
    }

    /// Moves the dangers to the notes: for a format that is there but is not the one that counts.
    mutating func setAside() {
        for danger in dangers { note(danger.found) }
        dangers = []
    }
}

private struct Part: Hashable, Sendable, Codable {
    let name: String
    let offset: UInt64
    let end: UInt64
}

/// A reason not to let an image be used.
package struct Danger: Hashable, Sendable, Codable, CustomStringConvertible {
    /// For machines: the format and the rule, as `qcow2.backing-file`.
    package let code: String
    /// The place in the file, in bytes; `nil` where it has none.
    package let offset: UInt64?
    package let found: String
    package let why: String
    package let remedy: String

    package var description: String {
        "\(found)\(offset.map { " (at offset \($0))" } ?? ""): \(why); \(remedy)"
    }
}

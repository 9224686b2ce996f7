/// What is in a disk image, found out from all of its bytes.
package struct Inspection: Hashable, Sendable, Codable {
    /// Larger disks are nonsense: 1 EiB.
    static let largestVirtualSizeBytes: UInt64 = 1 << 60

    /// To be raised with every change of the rules: a finding of another edition is not judged by.
    package static let currentEdition = 1

    /// Of the rules that it was found by.
    package let edition: Int
    /// Every format whose mark is there; none for a raw image that has no partition table.
    package let formats: [DiskImageFormat]
    /// The one that counts; `unknown` is a raw image.
    package let format: DiskImageFormat
    /// Where the mark of that format lies; `nil` for a raw image, and for a mark at the end.
    package let markOffset: Int?
    package let sizeBytes: Int64
    /// The size of the disk that a machine sees, in bytes; `nil` if it is not known.
    package let virtualSizeBytes: Int64?
    /// Why the image must not be used, whatever it is declared to be.
    package let dangers: [Danger]
    /// What is worth knowing and no reason to refuse.
    package let notes: [String]

    init(_ found: [Evidence], sizeBytes: UInt64) {
        var found = found
        let formats = Set(found.map(\.format))
        switch formats {
        case [.iso, .gpt]:
            // A bootable disc: the table is for machines that boot it from a stick, and often unusual.
            for index in found.indices where found[index].format == .gpt { found[index].setAside() }
            found.sort { $0.format == .iso && $1.format != .iso }
        case [.vhd, .gpt]:
            // A fixed-size VHD is a raw disk, with its partition table, and a footer.
            found.sort { $0.format == .vhd && $1.format != .vhd }
        default: break
        }
        let isFixedVHD = found.first { $0.format == .vhd }?.markOffset == nil
        let harmless: [Set<DiskImageFormat>] = isFixedVHD ? [[.iso, .gpt], [.vhd, .gpt]] : [[.iso, .gpt]]
        var dangers = found.flatMap(\.dangers)
        if formats.count > 1, !harmless.contains(formats) {
            let names = found.map { "\($0.format.name) at \($0.markOffset.map(String.init) ?? "the end")" }
            dangers.insert(
                Danger(
                    code: "several-formats", offset: nil,
                    found: "it bears the marks of several formats at once (\(names.joined(separator: ", ")))",
                    why: "each program would take it for something else, and only one reading was checked",
                    remedy: "make it anew in one format"), at: 0)
        }
        let size = Int64(clamping: sizeBytes)
        self.edition = Self.currentEdition
        self.formats = found.map(\.format)
        self.format = found.first?.format ?? .unknown
        self.markOffset = found.first?.markOffset
        self.sizeBytes = size
        self.dangers = dangers
        self.notes = found.flatMap(\.notes)
        switch format {
        case .unknown, .gpt, .iso: virtualSizeBytes = size
        default: virtualSizeBytes = found.first?.virtualSizeBytes.map { Int64(clamping: $0) }
        }
    }
}

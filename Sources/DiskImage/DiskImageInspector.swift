/// Finds out what is in a disk image while its bytes go by, once and in order.
///
/// Feed it every byte with `update`, in pieces of any size, and ask `finish` at the end. It is a value: a copy can be
/// kept, saved as `Codable` and continued elsewhere. It holds at most 69,632 bytes while the head goes by and at most
/// 26 KiB afterwards (2 KiB unless the image is a VHDX), and looks at nothing else, so that the rest costs no time.
/// Hostile bytes end in a refusal or are taken for a raw image; they cannot make it fail.
package struct DiskImageInspector: Hashable, Sendable, Codable {
    /// The beginning that is looked at as a whole: the volume descriptors of an ISO and the first header of a VHDX
    /// lie farthest from the start.
    package static let headBytes = 69_632

    /// How many bytes were seen.
    package private(set) var position: UInt64 = 0

    private var rules = Rules()
    private var head = FileWindow(at: 0, count: headBytes)
    private var tail = TailWindow()
    /// What the head shows; `nil` until it has all been seen.
    private var found: [Evidence]?
    /// The only format whose headers lie all over the file.
    private var vhdx: VHDXRegions?

    package init() {}

    /// Takes the next bytes. Does not keep the memory, and takes no time that grows with `bytes` past the head.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        if found == nil {
            head.take(bytes, at: position)
            if head.isFull { examineHead() }
        }
        vhdx?.take(bytes, at: position)
        tail.take(bytes)
        position = position.adding(UInt64(bytes.count))
    }

    /// What was in the bytes up to here, taken as the whole file.
    package func finish() -> Inspection {
        var ended = self
        if found == nil { ended.examineHead() }
        let tail = tail.bytes
        var evidence = ended.found ?? []
        for index in evidence.indices {
            switch evidence[index].format {
            case .vmdk: VMDK.examineFooter(&evidence[index], ended.head, tail)
            case .vhd: VHD.compareFooters(&evidence[index], ended.head, tail)
            case .vhdx: ended.vhdx?.examine(&evidence[index])
            default: break
            }
        }
        if !evidence.contains(where: { $0.format == .vhd }), let fixed = VHD.examineFooter(tail, sizeBytes: position) {
            evidence.append(fixed)
        }
        for index in evidence.indices { evidence[index].conclude(sizeBytes: position) }
        return Inspection(evidence, sizeBytes: position)
    }

    /// Why the image will be refused whatever follows, as soon as that is certain: a download need not go on.
    package func certainRefusal(
        declared: String, container: String, requireFormatMatch: Bool = true
    ) -> String? {
        guard let found else { return nil }
        let inspection = Inspection(found, sizeBytes: position)
        // Of the marks only that of a fixed-size VHD is at the end.
        let mayBeFixedVHD =
            (declared == "vhd" || declared == "vpc") && (inspection.format == .unknown || inspection.format == .gpt)
        let verdict = inspection.verdict(
            declared: declared, container: container, requireFormatMatch: requireFormatMatch && !mayBeFixedVHD)
        if case .refused(let reason) = verdict { return reason }
        return nil
    }

    private mutating func examineHead() {
        found = DiskImageFormat.marks(in: head.bytes).map { mark in
            var evidence =
                switch mark.format {
                case .qcow2: QCOW2.examine(head)
                case .vmdk: VMDK.examine(head)
                case .vhd: VHD.examine(head)
                case .vdi: VDI.examine(head)
                case .luks: LUKS.examine(head)
                case .iso: ISO.examine(head)
                case .gpt: PartitionTable.examine(head)
                case .qed: NeverAccepted.qed(head)
                case .bochs, .cloop: NeverAccepted.archaic(mark.format)
                case .vhdx, .parallels, .unknown: Evidence(mark.format)
                }
            evidence.markOffset = mark.offset
            return evidence
        }
        if found?.contains(where: { $0.format == .vhdx }) == true {
            var regions = VHDXRegions()
            head.bytes.withUnsafeBytes { regions.take($0, at: 0) }
            vhdx = regions
        }
        // Footers are compared with the first sector.
        head.shorten(to: 512)
    }
}

/// The edition of the rules: a state that was saved under others cannot be continued, and decoding it fails.
private struct Rules: Hashable, Sendable, Codable {
    private static let edition = 1

    init() {}

    init(from decoder: any Decoder) throws {
        let edition = try decoder.singleValueContainer().decode(Int.self)
        guard edition == Self.edition else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "inspected under other rules (\(edition))"))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Self.edition)
    }
}

/// Disks of Virtual PC and its successors (`vpc` in QEMU): big-endian, described by a footer of 512 bytes at the end,
/// of which the dynamic kind has a copy at the beginning.
enum VHD {
    private static let convert = "make it self-contained: 'qemu-img convert -O vpc'"
    /// 2,040 GiB and a bit, by the largest geometry.
    private static let largestBytes: UInt64 = 65_535 * 255 * 255 * 512
    /// Those who write the size that they mean into the footer; for all others the geometry counts.
    private static let sizeIsMeant = ["win ", "qem2", "d2v ", "tap\0", "CTXS", "wa\0\0"].map { Array($0.utf8) }

    /// An image that begins with a copy of its footer.
    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.vhd)
        guard let footer = Record(head, at: 0, count: 512, .big) else {
            evidence.refuse("cut-short", at: 0, "its header is cut short")
            return evidence
        }
        examineFooter(footer, at: 0, &evidence)
        guard footer.u32(60) == 3 else {
            if footer.u32(60) != 4 {
                evidence.refuse(
                    "type", at: 60, "its header says type \(footer.u32(60)), which has none at the beginning")
            }
            return evidence
        }
        let place = footer.u64(16)
        guard let dynamic = Record(head, at: place, count: 1024, .big),
            dynamic.field(0, 8).elementsEqual("cxsparse".utf8)
        else {
            evidence.refuse("dynamic-header", at: place, "its dynamic header is not there")
            return evidence
        }
        examineDynamicHeader(dynamic, at: place, &evidence)
        return evidence
    }

    /// The footer of a fixed-size disk; `nil` if the file does not end with one.
    static func examineFooter(_ tail: [UInt8], sizeBytes: UInt64) -> Evidence? {
        let cookie = Array("conectix".utf8)
        if tail.suffix(511).starts(with: cookie) {
            var evidence = Evidence(.vhd, markOffset: nil)
            evidence.refuse(
                "footer", at: sizeBytes &- 511, "its footer has 511 bytes",
                because: "readers disagree about such images", convert)
            return evidence
        }
        guard let footer = Record(tail, at: tail.count - 512, count: 512, .big), footer.bytes.starts(with: cookie)
        else { return nil }
        var evidence = Evidence(.vhd, markOffset: nil)
        let place = sizeBytes &- 512
        examineFooter(footer, at: place, &evidence)
        if footer.u32(60) != 2 {
            evidence.refuse(
                "type", at: place.adding(60),
                "its footer says type \(footer.u32(60)), but there is no such header at the beginning"
            )
        }
        evidence.needs("the disk", at: 0, (evidence.virtualSizeBytes ?? 0).adding(512))
        return evidence
    }

    /// Readers take either of the two footers, so they have to be the same.
    static func compareFooters(_ evidence: inout Evidence, _ start: FileWindow, _ tail: [UInt8]) {
        guard let header = Record(start, at: 0, count: 512, .big) else { return }
        guard tail.suffix(512).elementsEqual(header.bytes) else {
            evidence.refuse(
                "footer", at: nil, "it does not end with the footer that it begins with",
                because: "the file is not complete, or readers would disagree about it")
            return
        }
    }

    private static func examineFooter(_ footer: Record, at place: UInt64, _ evidence: inout Evidence) {
        let geometry = footer.u16(56) * footer.u8(58) * footer.u8(59)
        let usesGeometry = !sizeIsMeant.contains { $0.elementsEqual(footer.field(28, 4)) }
        let largestGeometry: UInt64 = 65_535 * 16 * 255
        let size = usesGeometry && geometry != largestGeometry ? geometry.times(512) : footer.u64(48) / 512 * 512
        evidence.virtualSizeBytes = size
        if size > largestBytes { evidence.refuse("size", at: place.adding(48), "it claims a disk of \(size) bytes") }
        if !hasValidChecksum(footer, at: 64) {
            evidence.refuse("checksum", at: place.adding(64), "the checksum of its footer is wrong")
        }
        if footer.u32(60) == 4 { refuseParent(at: place.adding(60), &evidence) }
    }

    private static func examineDynamicHeader(_ header: Record, at place: UInt64, _ evidence: inout Evidence) {
        let (entries, block) = (header.u32(28), header.u32(32))
        if !block.isPowerOfTwo || block < 512 || block > 256 << 20 {
            evidence.refuse("block-size", at: place.adding(32), "its blocks have \(block) bytes")
        }
        if entries.times(block) < evidence.virtualSizeBytes ?? 0 {
            evidence.refuse(
                "table", at: place.adding(28), "its block table of \(entries) entries is too small for the disk")
        }
        if entries.times(max(block, 1)) > largestBytes.times(2) {
            evidence.refuse("table", at: place.adding(28), "its block table has \(entries) entries")
        }
        evidence.needs("the block table", at: header.u64(16), entries.times(4))
        if !hasValidChecksum(header, at: 36) {
            evidence.refuse("checksum", at: place.adding(36), "the checksum of its dynamic header is wrong")
        }
        let locators = stride(from: 576, to: 768, by: 24)
        if !header.isZero(40, 16) || !header.isZero(64, 512) || locators.contains(where: { header.u32($0) != 0 }) {
            refuseParent(at: place.adding(40), &evidence)
        }
    }

    private static func refuseParent(at place: UInt64, _ evidence: inout Evidence) {
        evidence.refuse(
            "parent", at: place, "it is a differencing disk, which names a parent",
            because: "a hypervisor would read that file of its host as part of the disk", convert)
    }

    /// The ones' complement of the sum of all bytes except those of the checksum.
    private static func hasValidChecksum(_ record: Record, at place: Int) -> Bool {
        let all = record.bytes.reduce(UInt64(0)) { $0 + UInt64($1) }
        let own = record.field(place, 4).reduce(UInt64(0)) { $0 + UInt64($1) }
        return UInt64(~UInt32(truncatingIfNeeded: all - own)) == record.u32(place)
    }
}

/// VMware disks: only those that hold everything in one sparse file (monolithicSparse and streamOptimized).
///
/// Little-endian, in sectors of 512 bytes. The text descriptor at sector 1 is examined by `VMDKDescriptor`.
enum VMDK {
    private static let convert = "convert it with 'qemu-img convert -O vmdk', or export it as streamOptimized"
    /// A grain directory whose place is told only by a second header at the end.
    private static let atEnd = UInt64.max

    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.vmdk)
        guard head.bytes.starts(with: Array("KDMV".utf8)) else {
            let isESXSparse = head.bytes.starts(with: Array("COWD".utf8))
            evidence.refuse(
                "foreign-extents", at: 0,
                isESXSparse
                    ? "it is one extent of an ESX disk" : "it is only a descriptor, which names files with the data",
                because: "a hypervisor would open the files that are named, on its host", convert)
            return evidence
        }
        guard let header = SparseHeader(Record(head, at: 0, count: 512, .little)) else {
            evidence.refuse("cut-short", at: 0, "its header is cut short")
            return evidence
        }
        evidence.virtualSizeBytes = header.capacity.times(512)
        header.examine(at: 0, &evidence)
        if header.isUnclean { evidence.note("was not closed by its last writer") }
        if header.directoryOffset != atEnd { header.needTables(&evidence) }
        VMDKDescriptor.examine(head, sectors: header.descriptorSectors, &evidence)
        return evidence
    }

    /// A stream can tell where its tables are only at its end: there stands the header that counts for its readers.
    static func examineFooter(_ evidence: inout Evidence, _ start: FileWindow, _ tail: [UInt8]) {
        guard let header = SparseHeader(Record(start, at: 0, count: 512, .little)), header.directoryOffset == atEnd
        else { return }
        guard let marker = Record(tail, at: tail.count - 1536, count: 512, .little),
            let footer = SparseHeader(Record(tail, at: tail.count - 1024, count: 512, .little)),
            let end = Record(tail, at: tail.count - 512, count: 512, .little),
            marker.u32(8) == 0, marker.u32(12) == 3, marker.isZero(16, 496), end.isZero(0, 512)
        else {
            evidence.refuse(
                "footer", at: 56, "its header points to a footer, but the file does not end with one",
                because: "the file is not complete, or readers would disagree about it")
            return
        }
        guard footer.agrees(with: header), footer.directoryOffset != atEnd else {
            evidence.refuse(
                "footer", at: nil, "its footer and its header describe different disks",
                because: "only one of them was checked, and readers use either")
            return
        }
        footer.needTables(&evidence)
    }
}

/// The header of a sparse extent, at its beginning and as the footer of a stream.
private struct SparseHeader {
    let magic, version, flags, capacity, grain, descriptorOffset, descriptorSectors: UInt64
    let entriesPerTable, redundantOffset, directoryOffset, overhead, compression: UInt64
    let isUnclean: Bool

    init?(_ record: Record?) {
        guard let record else { return nil }
        magic = record.u32(0)
        version = record.u32(4)
        flags = record.u32(8)
        capacity = record.u64(12)
        grain = record.u64(20)
        descriptorOffset = record.u64(28)
        descriptorSectors = record.u64(36)
        entriesPerTable = record.u32(44)
        redundantOffset = record.u64(48)
        directoryOffset = record.u64(56)
        overhead = record.u64(64)
        isUnclean = record.u8(72) != 0
        compression = record.u16(77)
    }

    func agrees(with other: SparseHeader) -> Bool {
        (magic, version, flags, capacity, grain) == (
            other.magic, other.version, other.flags, other.capacity, other.grain
        )
            && (descriptorOffset, descriptorSectors) == (other.descriptorOffset, other.descriptorSectors)
            && (entriesPerTable, compression) == (other.entriesPerTable, other.compression)
    }

    /// One entry for every full table that the disk needs.
    private var directoryEntries: UInt64 { capacity.pieces(of: grain.times(entriesPerTable)) }

    func examine(at offset: UInt64, _ evidence: inout Evidence) {
        if !(1...3).contains(version) {
            evidence.refuse("version", at: offset + 4, "it is of version \(version), not 1 to 3")
        }
        if capacity == 0 {
            evidence.refuse(
                "capacity", at: offset + 12, "its header claims an empty disk",
                because: "readers then open the files that the descriptor names instead")
        }
        if !grain.isPowerOfTwo || grain > 0x20_0000 {
            evidence.refuse("grain", at: offset + 20, "its grains have \(grain) sectors")
        }
        if descriptorOffset != 1 {
            evidence.refuse(
                "descriptor-place", at: offset + 28, "its descriptor is at sector \(descriptorOffset), not 1",
                because: "readers that look at sector 1 would see another descriptor")
        }
        if entriesPerTable == 0 || entriesPerTable > 512 || directoryEntries > 1 << 25 {
            evidence.refuse("tables", at: offset + 44, "its tables have \(entriesPerTable) entries")
        }
        if compression > 1 {
            evidence.refuse("compression", at: offset + 77, "its compression \(compression) is unknown")
        }
        evidence.needs("its metadata", at: 0, overhead.times(512))
    }

    func needTables(_ evidence: inout Evidence) {
        if directoryOffset == 0 { evidence.refuse("tables", at: 56, "its grain directory has no place") }
        evidence.needs("the grain directory", at: directoryOffset.times(512), directoryEntries.times(4))
        let hasSecondDirectory = flags & 2 != 0
        if hasSecondDirectory {
            evidence.needs("the second grain directory", at: redundantOffset.times(512), directoryEntries.times(4))
        }
    }
}

/// The metadata of a VHDX: a table of items, each with a name of 16 bytes, and the items.
struct VHDXItems {
    private let offset: UInt64
    private let items: FileWindow
    private let places: [Item: (offset: UInt64, length: UInt64)]
    private let hasUnknown: Bool

    enum Item: CaseIterable {
        case fileParameters, diskSize, page83, logicalSector, physicalSector, parentLocator
    }

    /// `nil` if the table is not one.
    init?(_ table: FileWindow, _ items: FileWindow) {
        guard let header = Record(table, at: table.offset, count: table.capacity, .little),
            header.field(0, 8).elementsEqual("metadata".utf8), header.u16(10) <= 64
        else { return nil }
        offset = table.offset
        self.items = items
        var places: [Item: (offset: UInt64, length: UInt64)] = [:]
        var hasUnknown = false
        for index in 0..<Int(header.u16(10)) {
            let entry = 32 + 32 * index
            guard let item = Item.allCases.first(where: { $0.name.elementsEqual(header.field(entry, 16)) }) else {
                // Others may be there for the owner's use, unless a reader has to know them.
                hasUnknown = hasUnknown || header.u32(entry + 24) & 4 != 0
                continue
            }
            guard places[item] == nil else { return nil }
            places[item] = (header.u32(entry + 16), header.u32(entry + 20))
        }
        self.places = places
        self.hasUnknown = hasUnknown
    }

    func examine(blockTableBytes: UInt64, _ evidence: inout Evidence) {
        guard let parameters = record(.fileParameters, 8), let size = record(.diskSize, 8)?.u64(0),
            let sector = record(.logicalSector, 4)?.u32(0)
        else {
            evidence.refuse(
                "metadata", at: offset, "its metadata lacks the size of the disk, its blocks or its sectors")
            return
        }
        evidence.virtualSizeBytes = size
        if parameters.u32(4) & 2 != 0 || places[.parentLocator] != nil {
            evidence.refuse(
                "parent", at: offset, "it is a differencing disk, which names a parent",
                because: "a hypervisor would read that file of its host as part of the disk",
                "make it self-contained: 'qemu-img convert -O vhdx'")
        }
        if hasUnknown {
            evidence.refuse(
                "metadata", at: offset, "its metadata has an unknown item that a reader must know",
                because: "what it makes a reader do cannot be checked")
        }
        let block = parameters.u32(0)
        guard block.isPowerOfTwo, (1 << 20...256 << 20).contains(block), sector == 512 || sector == 4096,
            size % sector == 0, size > 0, size <= 64 << 40
        else {
            evidence.refuse(
                "size", at: offset, "it claims a disk of \(size) bytes in blocks of \(block) and sectors of \(sector)")
            return
        }
        // After each group of data blocks there is an entry for the bitmap of the group.
        let blocks = size.pieces(of: block)
        let entries = blocks + (blocks - 1) / ((1 << 23) * sector / block)
        if entries.times(8) > blockTableBytes {
            evidence.refuse(
                "table", at: offset, "its block table of \(blockTableBytes) bytes is too small for the disk")
        }
    }

    private func record(_ item: Item, _ count: Int) -> Record? {
        guard let place = places[item], place.length == UInt64(count) else { return nil }
        return Record(items, at: offset.adding(place.offset), count: count, .little)
    }
}

extension VHDXItems.Item {
    fileprivate var name: [UInt8] {
        switch self {
        case .fileParameters:
            [0x37, 0x67, 0xA1, 0xCA, 0x36, 0xFA, 0x43, 0x4D, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B]
        case .diskSize:
            [0x24, 0x42, 0xA5, 0x2F, 0x1B, 0xCD, 0x76, 0x48, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8]
        case .page83:
            [0xAB, 0x12, 0xCA, 0xBE, 0xE6, 0xB2, 0x23, 0x45, 0x93, 0xEF, 0xC3, 0x09, 0xE0, 0x00, 0xC7, 0x46]
        case .logicalSector:
            [0x1D, 0xBF, 0x41, 0x81, 0x6F, 0xA9, 0x09, 0x47, 0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F]
        case .physicalSector:
            [0xC7, 0x48, 0xA3, 0xCD, 0x5D, 0x44, 0x71, 0x44, 0x9C, 0xC9, 0xE9, 0x88, 0x52, 0x51, 0xC5, 0x56]
        case .parentLocator:
            [0x2D, 0x5F, 0xD3, 0xA8, 0x0B, 0xB3, 0x4D, 0x45, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C]
        }
    }
}

/// The checksum of VHDX headers (Castagnoli).
enum CRC32C {
    /// Over `bytes`, with those at `field` taken as zero.
    static func checksum(_ bytes: ArraySlice<UInt8>, without field: Range<Int>) -> UInt64 {
        var sum = UInt32.max
        for (place, byte) in bytes.enumerated() {
            sum ^= field.contains(place) ? 0 : UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82F6_3B78 }
        }
        return UInt64(~sum)
    }
}

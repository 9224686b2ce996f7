/// Disks of Hyper-V: little-endian, with headers and tables in two copies, which lead to a region of metadata
/// somewhere behind them. The places are collected while the file goes by, and examined at its end.
struct VHDXRegions: Hashable, Sendable, Codable {
    private static let kept = 4096
    private static let mebibyte: UInt64 = 1 << 20
    /// Items of the metadata lie 64 KiB behind the start of their table.
    private static let itemsOffset: UInt64 = 65_536
    private static let convert = "make it self-contained and close it: 'qemu-img convert -O vhdx'"

    private var headers = [FileWindow(at: 65_536, count: kept), FileWindow(at: 131_072, count: kept)]
    private var tables = [FileWindow(at: 196_608, count: kept), FileWindow(at: 262_144, count: kept)]
    /// The table of the metadata and its items; none until the first region table was seen.
    private var metadata: [FileWindow] = []

    private enum CodingKeys: String, CodingKey { case headers, tables, metadata }

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        headers = try values.decode([FileWindow].self, forKey: .headers)
        tables = try values.decode([FileWindow].self, forKey: .tables)
        metadata = try values.decode([FileWindow].self, forKey: .metadata)
        guard headers.count == 2, tables.count == 2, [0, 2].contains(metadata.count) else {
            throw DecodingError.dataCorruptedError(forKey: .tables, in: values, debugDescription: "not two of each")
        }
    }

    mutating func take(_ chunk: UnsafeRawBufferPointer, at position: UInt64) {
        for index in headers.indices { headers[index].take(chunk, at: position) }
        for index in tables.indices { tables[index].take(chunk, at: position) }
        // Regions begin at a mebibyte, so this one cannot have gone by before the table that tells where it is.
        if metadata.isEmpty, tables[0].isFull, let place = regions?[.metadata]?.offset, place >= Self.mebibyte {
            metadata = [
                FileWindow(at: place, count: Self.kept),
                FileWindow(at: place.adding(Self.itemsOffset), count: Self.kept),
            ]
        }
        for index in metadata.indices { metadata[index].take(chunk, at: position) }
    }

    func examine(_ evidence: inout Evidence) {
        examineHeaders(&evidence)
        guard let regions, tables[0].bytes == tables[1].bytes, let table = regions[.metadata],
            let blocks = regions[.blocks]
        else {
            evidence.refuse(
                "regions", at: 196_608, "its region tables are missing, not equal, or not understood",
                because: "readers would disagree about where its metadata is")
            return
        }
        for region in [table, blocks] {
            if region.offset < Self.mebibyte || region.offset % Self.mebibyte != 0 {
                evidence.refuse(
                    "regions", at: 196_608, "a region begins at \(region.offset), not at a mebibyte of its own")
            }
            evidence.needs("a region", at: region.offset, region.length)
        }
        guard metadata.count == 2, let items = VHDXItems(metadata[0], metadata[1]) else {
            evidence.refuse("metadata", at: table.offset, "its metadata is missing or not understood")
            return
        }
        items.examine(blockTableBytes: blocks.length, &evidence)
    }

    /// The log of a disk that was not closed is applied by whoever opens it, and could put anything anywhere.
    private func examineHeaders(_ evidence: inout Evidence) {
        let valid = headers.compactMap { window -> Record? in
            guard let header = Record(window, at: window.offset, count: Self.kept, .little),
                header.field(0, 4).elementsEqual("head".utf8),
                header.u32(4) == CRC32C.checksum(header.bytes, without: 4..<8)
            else { return nil }
            return header
        }
        guard let current = valid.max(by: { $0.u64(8) < $1.u64(8) }) else {
            evidence.refuse("header", at: 65_536, "neither of its headers is valid")
            return
        }
        if current.u16(66) != 1 { evidence.refuse("version", at: 65_602, "it is of version \(current.u16(66)), not 1") }
        if valid.count == 2, valid[0].u64(8) == valid[1].u64(8), valid[0].bytes != valid[1].bytes {
            evidence.refuse("header", at: 65_544, "its two headers differ and are equally new")
        }
        if !current.isZero(48, 16) {
            evidence.refuse(
                "log", at: 65_584, "its log is not empty: it was not closed by its last writer",
                because: "whoever opens it applies the log, which may change all that was checked", Self.convert)
        }
    }

    private enum Region { case metadata, blocks }

    /// What the first region table says; `nil` if it is not all understood.
    private var regions: [Region: (offset: UInt64, length: UInt64)]? {
        guard let table = Record(tables[0], at: tables[0].offset, count: Self.kept, .little),
            table.field(0, 4).elementsEqual("regi".utf8), table.u32(8) <= 64
        else { return nil }
        var regions: [Region: (offset: UInt64, length: UInt64)] = [:]
        for index in 0..<Int(table.u32(8)) {
            let entry = 16 + 32 * index
            let kind: Region
            switch Array(table.field(entry, 16)) {
            case Self.metadataRegion: kind = .metadata
            case Self.blocksRegion: kind = .blocks
            default: return nil
            }
            guard regions[kind] == nil else { return nil }
            regions[kind] = (table.u64(entry + 16), table.u32(entry + 24))
        }
        return regions
    }

    private static let metadataRegion: [UInt8] = [
        0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47, 0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E,
    ]
    private static let blocksRegion: [UInt8] = [
        0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08,
    ]
}

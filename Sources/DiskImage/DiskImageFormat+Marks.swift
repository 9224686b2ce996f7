extension DiskImageFormat {
    /// The formats whose marks are in the first bytes of a file, each once with the place of its mark; several when
    /// the file pretends to be several things. A bootable ISO comes before its partition table.
    static func marks(in header: [UInt8]) -> [(format: DiskImageFormat, offset: Int)] {
        var found: [(format: DiskImageFormat, offset: Int)] = []
        for mark in marks where mark.isFound(in: header) && !found.contains(where: { $0.format == mark.format }) {
            if mark.format == .gpt && mark.offset == 510 && isFATVolume(header) { continue }
            found.append((mark.format, mark.offset))
        }
        if !found.contains(where: { $0.format == .vmdk }), isVMDKDescriptor(header) { found.append((.vmdk, 0)) }
        return found
    }

    private static let marks: [Mark] = [
        Mark(.qcow2, "QFI\u{FB}"),
        Mark(.qed, "QED\0"),
        Mark(.vmdk, "KDMV"),
        Mark(.vmdk, "COWD"),
        Mark(.vmdk, "# Disk DescriptorFile"),
        Mark(.vhdx, "vhdxfile"),
        Mark(.vhd, "conectix"),
        Mark(.luks, "LUKS\u{BA}\u{BE}"),
        Mark(.parallels, "WithoutFreeSpace"),
        Mark(.parallels, "WithouFreSpacExt"),
        Mark(.bochs, "Bochs Virtual HD Image"),
        Mark(.cloop, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
        Mark(.vdi, "\u{7F}\u{10}\u{DA}\u{BE}", at: 64),
        Mark(.iso, "CD001", at: 32_769),
        Mark(.iso, "NSR02", at: 32_769),
        Mark(.iso, "NSR03", at: 32_769),
        Mark(.gpt, "\u{55}\u{AA}", at: 510),
        // GPT without a protective MBR, with sectors of 512 and of 4,096 bytes.
        Mark(.gpt, "EFI PART", at: 512),
        Mark(.gpt, "EFI PART", at: 4_096),
    ]

    /// A FAT volume has the signature of an MBR, but where the partitions would be it has code: two allocation
    /// tables and the media byte of a hard disk tell.
    private static func isFATVolume(_ header: [UInt8]) -> Bool {
        header.count > 21 && header[16] == 2 && header[21] == 0xF8
    }

    /// A VMDK may be no more than text that names the files with the data, and the text needs no mark at its start.
    /// Its readers either skip comments and look for `version=`, or look for `createType` in anything that is text.
    private static func isVMDKDescriptor(_ header: [UInt8]) -> Bool {
        var rest = header.prefix(2048)
        while let first = rest.first, first == UInt8(ascii: "#") || isSpace(first) {
            rest = first == UInt8(ascii: "#") ? rest.drop { $0 != UInt8(ascii: "\n") } : rest.dropFirst()
        }
        let version = Array("version=".utf8)
        if rest.starts(with: version), let digit = rest.dropFirst(version.count).first, (0x31...0x33).contains(digit) {
            return true
        }
        guard !header.isEmpty, header.prefix(512).allSatisfy({ isSpace($0) || (0x20...0x7E).contains($0) })
        else { return false }
        return header.prefix { $0 != 0 }.lowercased.contains(Array("createtype=\"".utf8))
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte) || (0x1C...0x1F).contains(byte)
    }
}

extension Sequence<UInt8> {
    /// The bytes with the capital letters of ASCII made small.
    var lowercased: [UInt8] {
        map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }
}

/// Bytes at a fixed place that give a format away.
private struct Mark {
    let format: DiskImageFormat
    let bytes: [UInt8]
    let offset: Int

    /// `text` holds one byte per character, each below 256.
    init(_ format: DiskImageFormat, _ text: String, at offset: Int = 0) {
        self.format = format
        self.bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        self.offset = offset
    }

    func isFound(in header: [UInt8]) -> Bool {
        header.count >= offset + bytes.count && header[offset..<offset + bytes.count].elementsEqual(bytes)
    }
}

/// What the first bytes of a disk image say it is.
///
/// Looking at magic numbers is a guess for the user's convenience, not a verdict on safety: nothing behind the header
/// is read, and a fixed-size VHD, whose only mark is at its end, looks like a raw disk.
package enum DiskImageFormat: String, Hashable, Sendable, CaseIterable {
    case qcow2, vmdk, vhd, vhdx, vdi, iso, luks, qed
    /// A raw disk that begins with a partition table (MBR or GPT).
    case gpt
    /// Nothing known: perhaps a raw file system, perhaps no disk image at all.
    case unknown

    /// As many bytes as any of the marks needs: the one of ISO 9660 lies farthest from the start.
    package static let headerLength = 65_536

    /// The format of an image that begins with `header`; of a shorter header only what fits in it is seen.
    ///
    /// Every input is allowed: an empty one is `unknown`.
    package init(header: some Collection<UInt8>) {
        let bytes = Array(header.prefix(Self.headerLength))
        // A bootable ISO also has a partition table, so the order matters.
        self = Self.marks.first { $0.isFound(in: bytes) }?.format ?? .unknown
    }

    /// The `disk_format` of the Image API for such an image; `nil` where a header alone cannot tell or where images
    /// of the format are never accepted (QED).
    package var imageAPIName: String? {
        switch self {
        case .qcow2, .vmdk, .vhd, .vhdx, .vdi, .iso: rawValue
        case .gpt, .luks: "raw"
        case .qed, .unknown: nil
        }
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
        Mark(.vdi, "\u{7F}\u{10}\u{DA}\u{BE}", at: 64),
        Mark(.iso, "CD001", at: 32_769),
        Mark(.gpt, "\u{55}\u{AA}", at: 510),
        // GPT without a protective MBR, with sectors of 512 and of 4,096 bytes.
        Mark(.gpt, "EFI PART", at: 512),
        Mark(.gpt, "EFI PART", at: 4_096),
    ]
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

/// What the marks in a disk image say it is.
///
/// Looking at magic numbers is a guess for the user's convenience, not a verdict on safety: that is given by
/// `DiskImageInspector`, which sees every byte. A fixed-size VHD, whose only mark is at its end, looks like a raw
/// disk to whoever sees the beginning alone.
package enum DiskImageFormat: String, Hashable, Sendable, CaseIterable, Codable {
    case qcow2, vmdk, vhd, vhdx, vdi, iso, luks, qed
    /// A raw disk that begins with a partition table (MBR or GPT).
    case gpt
    /// Formats that `qemu-img` opens when it is left to guess; known so that they do not pass for raw.
    case parallels, bochs, cloop
    /// Nothing known: perhaps a raw file system, perhaps no disk image at all.
    case unknown

    /// As many bytes as any of the marks needs: the one of ISO 9660 lies farthest from the start.
    package static let headerLength = 65_536

    /// The format of an image that begins with `header`; of a shorter header only what fits in it is seen.
    ///
    /// Every input is allowed: an empty one is `unknown`.
    package init(header: some Collection<UInt8>) {
        // A bootable ISO also has a partition table, so the order matters.
        self = Self.marks(in: Array(header.prefix(Self.headerLength))).first?.format ?? .unknown
    }

    /// The format of a `disk_format` of the Image API or of a format name of `qemu-img`; `nil` for names that speak
    /// of no single format (`raw`, `ami`) or of one that is not known here.
    package init?(name: String) {
        switch name {
        case "vpc": self = .vhd
        case "ploop": self = .parallels
        case "unknown": return nil
        default:
            guard let format = Self(rawValue: name) else { return nil }
            self = format
        }
    }

    /// The `disk_format` of the Image API for such an image; `nil` where a header alone cannot tell or where images
    /// of the format are never accepted (QED, Bochs, cloop).
    package var imageAPIName: String? {
        switch self {
        case .qcow2, .vmdk, .vhd, .vhdx, .vdi, .iso: rawValue
        case .gpt, .luks: "raw"
        case .parallels: "ploop"
        case .qed, .bochs, .cloop, .unknown: nil
        }
    }

    /// The name that `qemu-img` has for the way in which a hypervisor opens such an image.
    package var qemuName: String {
        switch self {
        case .vhd: "vpc"
        case .iso, .gpt, .unknown: "raw"
        default: rawValue
        }
    }

    /// The name in messages.
    package var name: String {
        self == .unknown ? "raw" : rawValue
    }
}

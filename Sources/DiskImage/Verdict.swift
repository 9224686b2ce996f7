/// Whether an image may be used as what it is declared to be.
package enum Verdict: Hashable, Sendable {
    /// The size of the disk inside, in bytes, if it is known for what was declared.
    case accepted(virtualSizeBytes: Int64?)
    /// A sentence for the user: what was found, where, why it is dangerous, and what to do.
    case refused(reason: String)
}

extension Inspection {
    /// The verdict on the image as `declared`, a `disk_format` of the Image API or a name of `qemu-img`, in
    /// `container`, a `container_format`.
    ///
    /// Dangers are refused in any container; that the format is the declared one is asked of `bare` images only,
    /// since the others hold their disk in an archive. Without `requireFormatMatch` an image may be something else
    /// than declared, but nothing dangerous.
    package func verdict(declared: String, container: String, requireFormatMatch: Bool = true) -> Verdict {
        let declaration = Declaration(declared, isBare: container == "bare")
        if let danger = dangers.first(where: declaration.matters) {
            return .refused(reason: "refused as \(format.name) image: \(danger)")
        }
        guard declaration.isBare else { return .accepted(virtualSizeBytes: nil) }
        if declaration.allows(format) {
            // A raw disk is as large as its file, also where the bytes have a mark (LUKS).
            return .accepted(virtualSizeBytes: declaration.isRaw ? sizeBytes : virtualSizeBytes)
        }
        guard requireFormatMatch else { return .accepted(virtualSizeBytes: declaration.isRaw ? sizeBytes : nil) }
        return .refused(reason: mismatch(declared))
    }

    private func mismatch(_ declared: String) -> String {
        let name = format.imageAPIName ?? format.name
        if format == .unknown || format == .gpt {
            let seen =
                format == .gpt ? "the bytes are a raw disk with a partition table" : "no format has left its mark"
            return "the image is declared \(declared), but \(seen): what reads it as \(declared) would fail, or take "
                + "data for headers; declare it as raw, or see that it is the right file and complete"
        }
        let place = markOffset.map { "at offset \($0)" } ?? "in the last 512 bytes"
        return "the image is declared \(declared), but it has the mark of \(format.name) \(place): "
            + "whoever looks at the bytes would open it as another format than the one declared; "
            + "declare it as \(name), or convert it to \(declared)"
    }
}

/// What a declared format allows the bytes to be.
private struct Declaration {
    let name: String
    let isBare: Bool

    init(_ declared: String, isBare: Bool) {
        name = declared == "vpc" ? "vhd" : declared
        self.isBare = isBare
    }

    var isRaw: Bool { name == "raw" }

    func allows(_ format: DiskImageFormat) -> Bool {
        switch format {
        // A partition table is content of a disk. Other names than those of formats (ami, ari, aki) are of raw bytes.
        case .unknown, .gpt: inspected == nil || inspected == format || name == "ploop"
        // The Image API has no name for encrypted disks.
        case .luks: isRaw || inspected == .luks
        default: inspected == format
        }
    }

    /// The format that the name stands for, if it is one of those with marks.
    private var inspected: DiskImageFormat? { DiskImageFormat(name: name) }

    /// A kernel has the signature of a boot sector and no partitions; an archive has no sectors at all.
    func matters(_ danger: Danger) -> Bool {
        !danger.code.hasPrefix("gpt.") || (isBare && name != "aki" && name != "ari")
    }
}

/// Formats that are known in order to be refused: no hypervisor needs them any more, and nothing checks them.
enum NeverAccepted {
    static func qed(_ head: FileWindow) -> Evidence {
        var evidence = archaic(.qed)
        evidence.virtualSizeBytes = Record(head, at: 0, count: 64, .little)?.u64(48)
        return evidence
    }

    static func archaic(_ format: DiskImageFormat) -> Evidence {
        var evidence = Evidence(format)
        evidence.refuse(
            "banned", at: 0, "\(format.name) images are never accepted",
            because: "the format is given up by its makers and may name other files",
            "convert it with 'qemu-img convert -O qcow2'")
        return evidence
    }
}

/// Discs (ISO 9660, UDF). Hypervisors hand them to the machine as they are, so that the disk is the file.
enum ISO {
    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.iso, markOffset: 32_769)
        guard let first = Record(head, at: 32_768, count: 2048, .little) else {
            evidence.refuse("cut-short", at: 32_768, "its first volume descriptor is cut short")
            return evidence
        }
        // Nearly always the primary one, which knows the size of the volume.
        if first.u8(0) == 1 { evidence.note("a volume of \(first.u32(80).times(first.u16(128))) bytes") }
        return evidence
    }
}

/// Discs (ISO 9660, UDF). Hypervisors hand them to the machine as they are, so that the disk is the file.
enum ISO {
    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.iso, markOffset: 32_769)
        // The first descriptor is nearly always the primary one, which knows the size of the volume.
        if let primary = Record(head, at: 32_768, count: 2048, .little), primary.u8(0) == 1 {
            evidence.note("a volume of \(primary.u32(80).times(primary.u16(128))) bytes")
        }
        return evidence
    }
}

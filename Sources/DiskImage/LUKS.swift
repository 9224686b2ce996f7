/// Encrypted disks: big-endian, version 1. What is inside cannot be seen, and is opened with the right key only.
enum LUKS {
    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.luks)
        guard let header = Record(head, at: 0, count: 592, .big) else {
            evidence.refuse("cut-short", at: 0, "its header is cut short")
            return evidence
        }
        guard header.u16(6) == 1 else {
            evidence.refuse(
                "version", at: 6, "it is of LUKS version \(header.u16(6))",
                because: "hypervisors open version 1 only, and others cannot be checked",
                "encrypt it anew with 'cryptsetup luksFormat --type luks1'")
            return evidence
        }
        let payload = header.u32(104).times(512)
        evidence.payloadOffset = payload
        evidence.needs("the header", at: 0, payload)
        guard payload >= 1024 else {
            evidence.refuse(
                "payload", at: 104, "its data begins at \(payload), inside of the header or in another file")
            return evidence
        }
        let keyBytes = header.u32(108)
        if keyBytes == 0 || keyBytes > 512 { evidence.refuse("key-size", at: 108, "its key has \(keyBytes) bytes") }
        for slot in stride(from: 208, to: 592, by: 48) {
            let state = header.u32(slot)
            if state == 0x0000_DEAD { continue }
            let material = header.u32(slot + 40).times(512)
            let end = material.adding(keyBytes.times(header.u32(slot + 44)))
            if state != 0x00AC_71F3 || material < 592 || end > payload {
                evidence.refuse("key-slot", at: UInt64(slot), "a key slot is neither free nor within the header")
                break
            }
        }
        return evidence
    }
}

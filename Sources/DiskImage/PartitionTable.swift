/// A raw disk with a partition table: an MBR, or a GPT behind a protective MBR.
///
/// Nothing in it leads out of the file; a table that makes no sense shows that the bytes are something else.
enum PartitionTable {
    private static let remedy = "repair the table ('sgdisk --verify'), or see that it is a disk and not a part of one"

    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.gpt)
        guard let sector = Record(head, at: 0, count: 512, .little), sector.u16(510) == 0xAA55 else {
            evidence.note("a GPT without a protective MBR")
            return evidence
        }
        var used: [Int] = []
        var isProtective = false
        for index in 0..<4 {
            let entry = 446 + 16 * index
            let place = UInt64(entry)
            if sector.u8(entry) & 0x7F != 0 {
                refuse(
                    "boot-flag", at: place, "partition \(index + 1) has the boot flag \(sector.u8(entry))", &evidence)
            }
            let type = sector.u8(entry + 4)
            if type != 0 { used.append(index) }
            guard type == 0xEE else { continue }
            isProtective = true
            if !sector.field(entry + 1, 3).elementsEqual([0, 2, 0]) || sector.u32(entry + 8) != 1 {
                refuse(
                    "protective", at: place, "the protective partition does not begin at the first sector", &evidence)
            }
        }
        if isProtective, used != [0] {
            refuse("protective", at: 446, "a GPT has other partitions in its protective table", &evidence)
        }
        if used.isEmpty {
            refuse("empty", at: 446, "there is the signature of a partition table, but no partition", &evidence)
        }
        let signature = Array("EFI PART".utf8)
        let hasGPT = [512, 4096].contains {
            Record(head, at: $0, count: 8, .little)?.bytes.elementsEqual(signature) == true
        }
        if isProtective, !hasGPT { evidence.note("a protective table without the GPT that it protects") }
        return evidence
    }

    private static func refuse(_ code: String, at place: UInt64, _ found: String, _ evidence: inout Evidence) {
        evidence.refuse(
            code, at: place, found, because: "programs would disagree about where its partitions are", remedy)
    }
}

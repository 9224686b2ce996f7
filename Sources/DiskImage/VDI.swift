/// Disks of VirtualBox: little-endian, one header and one block table.
enum VDI {
    private static let convert = "make it self-contained: 'qemu-img convert -O vdi', or clone it in VirtualBox"

    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.vdi)
        guard let header = Record(head, at: 0, count: 512, .little) else {
            evidence.refuse("cut-short", at: 64, "its header is cut short")
            return evidence
        }
        let size = header.u64(368)
        evidence.virtualSizeBytes = size
        if header.u32(68) != 0x0001_0001 {
            evidence.refuse(
                "version", at: 68, "it is of version \(header.u32(68) >> 16).\(header.u32(68) & 0xFFFF), not 1.1",
                because: "others cannot be checked", convert)
        }
        switch header.u32(76) {
        case 1, 2: break
        case 3, 4:
            evidence.refuse(
                "parent", at: 76, "it is an undo or differencing disk",
                because: "a hypervisor would read the parent, a file of its host, as part of the disk", convert)
        default: evidence.refuse("type", at: 76, "its type \(header.u32(76)) is unknown")
        }
        if !header.isZero(424, 16) || !header.isZero(440, 16) {
            evidence.refuse(
                "parent", at: 424, "it names a parent disk",
                because: "a hypervisor would read that file of its host as part of the disk", convert)
        }
        let (tableOffset, dataOffset) = (header.u32(340), header.u32(344))
        if tableOffset % 512 != 0 || dataOffset % 512 != 0 || tableOffset < 512 || dataOffset < 512 {
            evidence.refuse("alignment", at: 340, "its table is at \(tableOffset) and its data at \(dataOffset)")
        }
        if header.u32(360) != 512 {
            evidence.refuse("sector-size", at: 360, "its sectors have \(header.u32(360)) bytes, not 512")
        }
        let (block, blocks, allocated) = (header.u32(376), header.u32(384), header.u32(388))
        if !block.isPowerOfTwo || !(4096...(256 << 20)).contains(block) {
            evidence.refuse("block-size", at: 376, "its blocks have \(block) bytes")
        }
        if blocks > 0x1FFF_FFFF || blocks.times(block) < size {
            evidence.refuse("table", at: 384, "its table of \(blocks) blocks does not fit a disk of \(size) bytes")
        }
        if allocated > blocks { evidence.refuse("table", at: 388, "it has \(allocated) of \(blocks) blocks") }
        evidence.needs("the block table", at: tableOffset, blocks.times(4))
        return evidence
    }
}

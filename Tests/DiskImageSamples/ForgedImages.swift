/// Images that no tool at hand makes, written byte by byte.
package enum ForgedImages {
    package static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// A disk of `sectors` with a protective MBR and a GPT of one partition.
    package static func gpt(sectors: Int = 512) -> [UInt8] {
        var disk = zeros(sectors * 512)
        disk.put([0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF], at: 446)
        disk.put(little: 1, 4, at: 454)
        disk.put(little: UInt64(sectors - 1), 4, at: 458)
        disk.put([0x55, 0xAA], at: 510)
        disk.put(Array("EFI PART".utf8) + [0, 0, 1, 0, 92, 0, 0, 0], at: 512)
        disk.put(little: 1, 8, at: 512 + 24)
        disk.put(little: UInt64(sectors - 1), 8, at: 512 + 32)
        disk.put(little: 2, 8, at: 512 + 72)
        disk.put(little: 128, 4, at: 512 + 80)
        disk.put(little: 128, 4, at: 512 + 84)
        disk.put((0..<16).map { UInt8($0 + 1) }, at: 1024)
        return disk
    }

    /// A disk with one partition in an MBR.
    package static func mbr(sectors: Int = 512) -> [UInt8] {
        var disk = zeros(sectors * 512)
        disk.put([0x80, 0x20, 0x21, 0x00, 0x83, 0x10, 0x10, 0x10], at: 446)
        disk.put(little: 64, 4, at: 454)
        disk.put(little: UInt64(sectors - 64), 4, at: 458)
        disk.put([0x55, 0xAA], at: 510)
        return disk
    }

    /// A LUKS volume of `version` with one key, as `qemu-img` lays it out.
    package static func luks(version: UInt64 = 1, payload: Int = 65_536) -> [UInt8] {
        let material: UInt64 = 8
        var disk = zeros(2_068_480 + payload)
        disk.put(Array("LUKS".utf8) + [0xBA, 0xBE], at: 0)
        disk.put(big: version, 2, at: 6)
        disk.put(Array("aes".utf8), at: 8)
        disk.put(Array("xts-plain64".utf8), at: 40)
        disk.put(Array("sha256".utf8), at: 72)
        disk.put(big: 4040, 4, at: 104)
        disk.put(big: 64, 4, at: 108)
        disk.put((0..<52).map { UInt8($0) ^ 0x5A }, at: 112)
        disk.put(big: 1000, 4, at: 164)
        disk.put(Array("a7c6908b-290d-4618-848d-5e5ecd941cbe".utf8), at: 168)
        for slot in 0..<8 {
            let place = 208 + 48 * slot
            disk.put(big: slot == 0 ? 0x00AC_71F3 : 0xDEAD, 4, at: place)
            disk.put(big: 1000, 4, at: place + 4)
            disk.put(big: material + 504 * UInt64(slot), 4, at: place + 40)
            disk.put(big: 4000, 4, at: place + 44)
        }
        return disk
    }

    /// A VMDK as VMware streams it: the grain directory is at the end, and a footer tells where.
    package static func streamedVMDK() -> [UInt8] {
        var header = zeros(512)
        header.put(Array("KDMV".utf8), at: 0)
        header.put(little: 3, 4, at: 4)
        header.put(little: 0x3_0001, 4, at: 8)
        header.put(little: 2048, 8, at: 12)
        header.put(little: 128, 8, at: 20)
        header.put(little: 1, 8, at: 28)
        header.put(little: 20, 8, at: 36)
        header.put(little: 512, 4, at: 44)
        header.put(little: .max, 8, at: 56)
        header.put(little: 128, 8, at: 64)
        header.put(Array("\n \r\n".utf8), at: 73)
        header.put(little: 1, 2, at: 77)
        let text = """
            # Disk DescriptorFile
            version=1
            CID=7b2e8a41
            parentCID=ffffffff
            createType="streamOptimized"

            # Extent description
            RDONLY 2048 SPARSE "generated-stream.vmdk"

            # The Disk Data Base
            #DDB
            ddb.adapterType = "lsilogic"
            ddb.virtualHWVersion = "4"
            """
        var disk = header + Array(text.utf8)
        disk += zeros(128 * 512 - disk.count)
        var footer = header
        footer.put(little: UInt64(disk.count / 512), 8, at: 56)
        disk += zeros(512)
        var marker = zeros(512)
        marker.put(little: 1, 8, at: 0)
        marker.put(little: 3, 4, at: 12)
        return disk + marker + footer + zeros(512)
    }

    /// Puts the right checksum into a footer or a dynamic header of a VHD.
    package static func setVHDChecksum(_ image: inout [UInt8], at place: Int, count: Int, field: Int) {
        image.put([0, 0, 0, 0], at: place + field)
        let sum = image[place..<place + count].reduce(UInt32(0)) { $0 &+ UInt32($1) }
        image.put(big: UInt64(~sum), 4, at: place + field)
    }
}

extension [UInt8] {
    package mutating func put(_ bytes: some Collection<UInt8>, at place: Int) {
        replaceSubrange(place..<place + bytes.count, with: bytes)
    }

    package mutating func put(little value: UInt64, _ count: Int, at place: Int) {
        put((0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }, at: place)
    }

    package mutating func put(big value: UInt64, _ count: Int, at place: Int) {
        put((0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }, at: place)
    }

    /// This with `bytes` put at `place`.
    package func with(_ bytes: some Collection<UInt8>, at place: Int) -> [UInt8] {
        var changed = self
        changed.put(bytes, at: place)
        return changed
    }
}

import DiskImage
import DiskImageSamples
import Testing

/// One image for each rule, made from an acceptable one by the change that breaks the rule.
@Suite("Reasons to refuse an image")
struct RefusalTests {
    @Test("qcow2")
    func qcow2() async throws {
        let image = try await sample("qcow2 v3")
        let old = try await sample("qcow2 v2")
        expect(image.with([1], at: 7), "qcow2.version")
        expect(
            image.with([0, 0, 0, 0, 0, 0, 1, 0], at: 8), "qcow2.backing-file", says: "offset 256", "qemu-img convert")
        expect(image.with([4], at: 79), "qcow2.data-file")
        expect(old.with([4], at: 79), "qcow2.data-file")
        expect(image.with([16], at: 79), "qcow2.extended-l2")
        expect(image.with([32], at: 79), "qcow2.features", says: "bits 20")
        expect(image.with([0x80], at: 72), "qcow2.features")
        expect(image.with([8], at: 79), "qcow2.compression")
        expect(image.with([63], at: 23), "qcow2.cluster-size")
        expect(image.with([3], at: 35), "qcow2.encryption")
        expect(image.with([0x7F, 0xFF], at: 24), "qcow2.l1-table")
        expect(image.with([0xFF], at: 36), "qcow2.l1-table", "qcow2.outside")
        expect(image.with([0xFF], at: 40), "qcow2.outside")
        expect(image.with([1], at: 47), "qcow2.alignment")
        expect(image.with([0, 0, 0, 0], at: 56), "qcow2.refcount-table")
        expect(image.with([1, 0], at: 60), "qcow2.snapshots")
        expect(image.with([7], at: 99), "qcow2.refcount-width")
        expect(image.with([0xFF], at: 100), "qcow2.header-length")
        expect(image.with([0x44, 0x41, 0x54, 0x41, 0, 0, 0, 8], at: 112), "qcow2.data-file")
        expect(image.with([1, 1, 1, 1, 0xFF, 0, 0, 0], at: 112), "qcow2.extensions")
        expect(Array(image.prefix(40)), "qcow2.cut-short")
        let noted = Inspection(of: image.with([3], at: 79))
        #expect(noted.verdict(declared: "qcow2", container: "bare").isAccepted)
        #expect(noted.notes.count == 2)
    }

    @Test("vmdk")
    func vmdk() async throws {
        let image = try await sample("vmdk")
        func text(_ old: String, _ new: String) throws -> [UInt8] {
            let place = try #require(image.ranges(of: Array(old.utf8)).first).lowerBound
            let rest = image[place + old.utf8.count..<512 + 20 * 512 - max(0, new.utf8.count - old.utf8.count)]
            return image.with(Array(new.utf8) + rest, at: place)
        }
        expect(try text("createType=\"monolithicSparse\"", "createType=\"monolithicFlat\""), "vmdk.create-type")
        expect(try text("createType=\"monolithicSparse\"", "createType=\"vmfs\""), "vmdk.create-type")
        expect(try text("# Extent", "# createType=\"vmfs\" Extent"), "vmdk.create-type")
        expect(try text("SPARSE \"", "SPARSE \"/etc/"), "vmdk.extent")
        expect(try text("SPARSE \"", "SPARSE \"c:"), "vmdk.extent")
        expect(try text("SPARSE", "FLAT"), "vmdk.extent")
        expect(try text("# The", "RW 1 SPARSE \"x\"\n# The"), "vmdk.extents", says: "2 extents")
        expect(try text("RW ", "# RW "), "vmdk.extents", says: "0 extents")
        expect(try text("# The", "parentFileNameHint=\"base.vmdk\"\n# The"), "vmdk.parent")
        expect(try text("# The", "ddb.nativeParentHint=\"base.vmdk\"\n# The"), "vmdk.parent")
        expect(try text("# The", "# parentFileNameHint=\"base.vmdk\"\n# The"), "vmdk.parent")
        expect(try text("parentCID=ffffffff", "parentCID=12345678"), "vmdk.parent")
        expect(try text("# The", "changeTrackPath=\"x\"\n# The"), "vmdk.descriptor-line")
        expect(try text("# The", "# \u{E9}"), "vmdk.descriptor-text")
        expect(image.with([UInt8](repeating: 0x20, count: 20 * 512), at: 512), "vmdk.descriptor-end")
        expect(image.with([4], at: 4), "vmdk.version")
        expect(image.with(ForgedImages.zeros(8), at: 12), "vmdk.capacity", says: "files that the descriptor names")
        expect(image.with([3], at: 20), "vmdk.grain")
        expect(image.with([2], at: 28), "vmdk.descriptor-place")
        expect(image.with([0, 0], at: 44), "vmdk.tables")
        expect(image.with([0xFF, 0xFF], at: 58), "vmdk.outside")
        expect(image.with([0xFF, 0xFF], at: 66), "vmdk.outside")
        expect(Array(image.prefix(300)), "vmdk.cut-short")
        expect(Array("COWD".utf8) + ForgedImages.zeros(1000), "vmdk.foreign-extents")
        for text in [
            "version=1\nCID=1\n", " # x\r\n\nversion=3\n", "x createType=\"vmfs\"\n", "# Disk DescriptorFile\n",
        ] {
            expect(Array(text.utf8), "vmdk.foreign-extents", says: "names files")
        }
    }

    @Test("vmdk with its tables at the end")
    func streamedVMDK() {
        let image = ForgedImages.streamedVMDK()
        let footer = image.count - 1024
        expect(image.dropLast(512), "vmdk.footer", says: "does not end with one")
        expect(Array(image.prefix(image.count / 2)), "vmdk.footer")
        expect(image + [0], "vmdk.footer")
        expect(image.with([1], at: footer + 13), "vmdk.footer", says: "different disks")
        expect(image.with([UInt8](repeating: 0xFF, count: 8), at: footer + 56), "vmdk.footer")
        expect(image.with([0xFF], at: footer + 60), "vmdk.outside")
        expect(image.with([1], at: image.count - 1), "vmdk.footer")
    }

    @Test("vhd")
    func vhd() async throws {
        let image = try await sample("vhd")
        func both(_ place: Int, _ bytes: [UInt8], isSound: Bool = true) -> [UInt8] {
            var changed = image.with(bytes, at: place).with(bytes, at: image.count - 512 + place)
            for start in isSound ? [0, image.count - 512] : [] {
                ForgedImages.setVHDChecksum(&changed, at: start, count: 512, field: 64)
            }
            return changed
        }
        func dynamic(_ place: Int, _ bytes: [UInt8]) -> [UInt8] {
            var changed = image.with(bytes, at: 512 + place)
            ForgedImages.setVHDChecksum(&changed, at: 512, count: 1024, field: 36)
            return changed
        }
        expect(both(60, [0, 0, 0, 4]), "vhd.parent", says: "differencing")
        expect(both(60, [0, 0, 0, 2]), "vhd.type")
        expect(both(16, [0, 0, 0, 0, 0, 0, 0x10, 0]), "vhd.dynamic-header")
        expect(both(24, [1], isSound: false), "vhd.checksum")
        expect(image.with([1], at: 24), "vhd.footer")
        expect(Array(image.dropLast(512)), "vhd.footer", says: "not complete")
        expect(dynamic(64, [0, 0x61]), "vhd.parent")
        expect(dynamic(40, [1]), "vhd.parent")
        expect(dynamic(576, Array("W2ku".utf8)), "vhd.parent")
        expect(dynamic(28, [0, 0, 0, 0]), "vhd.table")
        expect(dynamic(28, [0xFF, 0xFF, 0xFF, 0xFF]), "vhd.table", "vhd.outside")
        expect(dynamic(32, [0, 0, 0, 3]), "vhd.block-size")
        expect(dynamic(16, [0x7F]), "vhd.outside")

        let fixed = try await sample("vhd, fixed")
        let footer = fixed.count - 512
        expect(fixed.with([4], at: footer + 63), "vhd.parent")
        expect(fixed.with([1], at: footer + 24), "vhd.checksum")
        expect(Array(fixed.suffix(5000)), "vhd.outside")
        expect(Array(fixed.dropLast()), "vhd.footer", says: "511 bytes")
        expect(fixed.with(Array("QFI".utf8) + [0xFB], at: 0), "several-formats", says: "qcow2 at 0", "vhd at the end")
        let bootable = ForgedImages.mbr().prefix(512) + fixed.dropFirst(512)
        #expect(Inspection(of: Array(bootable)).verdict(declared: "vhd", container: "bare").isAccepted)
    }

    @Test("vhdx")
    func vhdx() async throws {
        let image = try await sample("vhdx")
        let metadata = try #require(image.ranges(of: Array("metadata".utf8)).first).lowerBound
        expect(image.with([1], at: 65_536 + 100).with([1], at: 131_072 + 100), "vhdx.header")
        expect(image.with([1], at: 196_608 + 32), "vhdx.regions")
        expect(image.with([1], at: 262_144 + 32), "vhdx.regions", says: "not equal")
        expect(image.with([2], at: metadata + 65_536 + 4), "vhdx.parent", says: "differencing")
        expect(image.with([1], at: metadata + 65_536), "vhdx.size")
        expect(image.with([0xFF], at: metadata + 65_536 + 14), "vhdx.size")
        expect(image.with([1], at: metadata + 32), "vhdx.metadata")
        expect(image.with([0xFF], at: metadata + 32 + 18), "vhdx.metadata")
        expect(Array(image.prefix(metadata + 100)), "vhdx.metadata", "vhdx.outside")
        expect(Array(image.prefix(200_000)), "vhdx.regions")
        var unclean = image
        for place in [65_536, 131_072] {
            unclean.put([1], at: place + 48)
            unclean.put(little: UInt64(crc32c(unclean, at: place)), 4, at: place + 4)
        }
        expect(unclean, "vhdx.log", says: "applies the log")
    }

    @Test("vdi, luks, and formats that are given up")
    func others() async throws {
        let vdi = try await sample("vdi")
        expect(vdi.with([2], at: 68), "vdi.version")
        expect(vdi.with([4], at: 76), "vdi.parent")
        expect(vdi.with([9], at: 76), "vdi.type")
        expect(vdi.with([1], at: 424), "vdi.parent")
        expect(vdi.with([1], at: 440), "vdi.parent")
        expect(vdi.with([1], at: 340), "vdi.alignment")
        expect(vdi.with([1], at: 361), "vdi.sector-size")
        expect(vdi.with([0xFF], at: 375), "vdi.size", "vdi.table")
        expect(vdi.with([0xFF, 0xFF], at: 386), "vdi.table", "vdi.outside")
        expect(vdi.with([1], at: 376), "vdi.block-size")
        let luks = ForgedImages.luks()
        expect(luks.with([2], at: 7), "luks.version")
        expect(luks.with([0, 0, 0, 0], at: 104), "luks.payload")
        expect(luks.with([0x7F], at: 104), "luks.outside")
        expect(luks.with([0x7F], at: 108), "luks.key-size")
        expect(luks.with([0x7F], at: 208 + 40), "luks.key-slot")
        expect(luks.with([0x7F], at: 208 + 48), "luks.key-slot")
        expect(Array("QED\0".utf8), "qed.banned", says: "never accepted")
        expect(Array("Bochs Virtual HD Image".utf8), "bochs.banned")
        expect(Array("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount".utf8), "cloop.banned")
    }

    @Test("Partition tables that make no sense")
    func partitionTables() {
        let gpt = ForgedImages.gpt()
        expect(gpt.with([1], at: 446), "gpt.boot-flag")
        expect(gpt.with([1], at: 447), "gpt.protective")
        expect(gpt.with([2], at: 454), "gpt.protective")
        expect(gpt.with([0x83], at: 466), "gpt.protective", says: "other partitions")
        expect(gpt.with([0], at: 450), "gpt.empty")
        // A FAT volume has code where the partitions would be, and is a raw image.
        let fat = gpt.with([2], at: 16).with([0xF8], at: 21).with(ForgedImages.zeros(8), at: 512).with([7], at: 446)
        #expect(Inspection(of: fat).format == .unknown)
    }

    @Test("Images of several formats at once, but for bootable discs")
    func severalFormats() async throws {
        let iso = try await sample("iso")
        #expect(Inspection(of: iso.with([0x55, 0xAA], at: 510)).verdict(declared: "iso", container: "bare").isAccepted)
        #expect(
            !Inspection(of: iso.with([0x55, 0xAA], at: 510)).verdict(declared: "raw", container: "bare").isAccepted)
        expect(Array(iso.prefix(34_000)), "iso.cut-short")
        let qcow2 = try await sample("qcow2 v3")
        expect(iso.with(qcow2.prefix(512), at: 0), "several-formats", says: "qcow2 at 0", "iso at 32769")
        expect(qcow2.with([0x55, 0xAA], at: 510), "several-formats")
        expect(qcow2.with([0x7F, 0x10, 0xDA, 0xBE], at: 64), "several-formats")
        expect(qcow2 + (try await sample("vhd, fixed")).suffix(512), "several-formats", says: "vhd at the end")
    }

    private func sample(_ name: String) async throws -> [UInt8] {
        try #require(try await SampleImages.shared.all().first { $0.name == name }).bytes
    }

    /// Refused by these rules, whatever the image is declared to be, with a sentence that says
    /// these things.
    private func expect(
        _ image: [UInt8], _ codes: String..., says texts: String..., at place: SourceLocation = #_sourceLocation
    ) {
        let inspection = Inspection(of: image)
        for code in codes {
            #expect(
                inspection.dangers.contains { $0.code == code }, "\(inspection.dangers.map(\.code))",
                sourceLocation: place)
        }
        for text in texts {
            #expect(
                inspection.dangers.contains { $0.description.contains(text) }, "\(inspection.dangers)",
                sourceLocation: place)
        }
        for name in ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "luks", "ploop"] {
            let verdict = inspection.verdict(declared: name, container: "bare", requireFormatMatch: false)
            #expect(!verdict.isAccepted, "as \(name)", sourceLocation: place)
        }
    }

    private func crc32c(_ image: [UInt8], at place: Int) -> UInt32 {
        var sum = UInt32.max
        for byte in image.with([0, 0, 0, 0], at: place + 4)[place..<place + 4096] {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82F6_3B78 }
        }
        return ~sum
    }
}

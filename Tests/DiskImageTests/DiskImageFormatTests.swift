import DiskImage
import DiskImageSamples
import Foundation
import Testing

@Suite("What the first bytes say")
struct DiskImageFormatTests {
    @Test(
        "An image made by qemu-img is recognised",
        arguments: [
            ("qcow2", DiskImageFormat.qcow2), ("vmdk", .vmdk), ("vdi", .vdi), ("vhdx", .vhdx), ("vpc", .vhd),
            ("qed", .qed), ("raw", .unknown),
        ])
    func qemuImages(name: String, format: DiskImageFormat) async throws {
        try await Tools.withFolder { folder in
            let file = folder.appending(path: "image")
            try await Tools.run(["qemu-img", "create", "-q", "-f", name, file.path, "4M"])
            #expect(DiskImageFormat(header: try Data(contentsOf: file)) == format)
        }
    }

    // Made by hand: the tools that make such volumes measure the processor first and give up when it is busy.
    @Test("A LUKS volume is recognised, of either version", arguments: [1, 2] as [UInt8])
    func luks(version: UInt8) {
        let header = Array("LUKS".utf8) + [0xBA, 0xBE, 0, version] + [UInt8](repeating: 0, count: 1016)
        #expect(DiskImageFormat(header: header) == .luks)
    }

    @Test("A VMDK that is only a descriptor is recognised")
    func flatVMDK() async throws {
        try await Tools.withFolder { folder in
            let file = folder.appending(path: "image.vmdk")
            try await Tools.run([
                "qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", file.path, "1M",
            ])
            #expect(DiskImageFormat(header: try Data(contentsOf: file)) == .vmdk)
        }
    }

    @Test("An ISO is an ISO also when it has a partition table")
    func iso() async throws {
        try await Tools.withFolder { folder in
            let file = folder.appending(path: "image.iso")
            let content = folder.appending(path: "content")
            try Data("hello".utf8).write(to: content)
            try await Tools.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", file.path, content.path])
            var bytes = try Data(contentsOf: file)
            #expect(DiskImageFormat(header: bytes) == .iso)
            bytes[510] = 0x55
            bytes[511] = 0xAA
            #expect(DiskImageFormat(header: bytes) == .iso)
        }
    }

    @Test("A partition table makes a raw disk")
    func partitionTable() {
        var disk = [UInt8](repeating: 0, count: 8192)
        #expect(DiskImageFormat(header: disk) == .unknown)
        disk[510] = 0x55
        disk[511] = 0xAA
        #expect(DiskImageFormat(header: disk) == .gpt)
        #expect(DiskImageFormat.gpt.imageAPIName == "raw")

        var largeSectors = [UInt8](repeating: 0, count: 8192)
        largeSectors.replaceSubrange(4096..<4104, with: Array("EFI PART".utf8))
        #expect(DiskImageFormat(header: largeSectors) == .gpt)
    }

    @Test("What cannot be told has no format in the Image API")
    func names() {
        #expect(DiskImageFormat.unknown.imageAPIName == nil)
        #expect(DiskImageFormat.qed.imageAPIName == nil)
        #expect(DiskImageFormat.luks.imageAPIName == "raw")
        #expect(DiskImageFormat.qcow2.imageAPIName == "qcow2")
    }

    @Test("Headers cut anywhere, and noise, give an answer")
    func hostile() {
        #expect(DiskImageFormat(header: []) == .unknown)
        let marks: [[UInt8]] = [
            Array("QFI".utf8) + [0xFB], Array("conectix".utf8), Array("vhdxfile".utf8),
            Array(repeating: 0, count: 64) + [0x7F, 0x10, 0xDA, 0xBE],
            Array(repeating: 0, count: 32_769) + Array("CD001".utf8),
        ]
        for mark in marks {
            #expect(DiskImageFormat(header: mark) != .unknown)
            #expect(DiskImageFormat(header: mark.dropLast()) == .unknown)
        }
        var generator = SystemRandomNumberGenerator()
        for length in [1, 63, 511, 512, 4097, 32_768, 65_536, 70_000] {
            // Slices do not begin at index 0.
            let noise = (0..<length + 7).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = DiskImageFormat(header: noise.dropFirst(7))
        }
    }
}

import Foundation

/// An image, what it is declared to be, and what is to come of it.
package struct SampleImage: Sendable, CustomStringConvertible {
    package enum Outcome: Sendable, Equatable {
        /// With the size of the disk inside.
        case accepted(Int64)
        /// By the rule with this code.
        case refused(String)
    }

    package let name: String
    package let declared: String
    package let bytes: [UInt8]
    package let outcome: Outcome

    package var description: String { name }
}

/// Images of every kind that the tools make, made once.
package actor SampleImages {
    package static let shared = SampleImages()
    private var making: Task<[SampleImage], any Error>?

    package func all() async throws -> [SampleImage] {
        // A task so that tests that ask at the same time wait for one making.
        let making = making ?? Task { try await Self.make() }
        self.making = making
        return try await making.value
    }

    private static let size: Int64 = 1 << 20

    private struct Recipe {
        let name: String, declared: String, outcome: SampleImage.Outcome, arguments: [String]

        init(_ name: String, _ declared: String, _ outcome: SampleImage.Outcome, _ arguments: String...) {
            self.name = name
            self.declared = declared
            self.outcome = outcome
            self.arguments = arguments
        }
    }

    private static let recipes = [
        Recipe("qcow2 v3", "qcow2", .accepted(size), "-f", "qcow2", "-o", "cluster_size=4k"),
        Recipe("qcow2 v2", "qcow2", .accepted(size), "-f", "qcow2", "-o", "compat=0.10,cluster_size=4k"),
        Recipe("qcow2, large clusters", "qcow2", .accepted(size), "-f", "qcow2", "-o", "cluster_size=2M"),
        Recipe("qcow2, zstd", "qcow2", .accepted(size), "-f", "qcow2", "-o", "compression_type=zstd"),
        Recipe(
            "qcow2, lazy counts", "qcow2", .accepted(size), "-f", "qcow2", "-o", "lazy_refcounts=on,refcount_bits=1"),
        Recipe("qcow2, allocated", "qcow2", .accepted(size), "-f", "qcow2", "-o", "preallocation=metadata"),
        Recipe("qcow2, extended L2", "qcow2", .refused("qcow2.extended-l2"), "-f", "qcow2", "-o", "extended_l2=on"),
        Recipe(
            "qcow2 on a backing file", "qcow2", .refused("qcow2.backing-file"), "-f", "qcow2", "-b", "base.raw", "-F",
            "raw"),
        Recipe(
            "qcow2 with a data file", "qcow2", .refused("qcow2.data-file"), "-f", "qcow2", "-o", "data_file=data.raw"),
        Recipe("vmdk", "vmdk", .accepted(size), "-f", "vmdk"),
        Recipe("vmdk, version 6", "vmdk", .accepted(size), "-f", "vmdk", "-o", "compat6=on"),
        Recipe("vmdk, streamed", "vmdk", .accepted(size), "-f", "vmdk", "-o", "subformat=streamOptimized"),
        Recipe(
            "vmdk, flat", "vmdk", .refused("vmdk.foreign-extents"), "-f", "vmdk", "-o", "subformat=monolithicFlat"),
        Recipe(
            "vmdk, split", "vmdk", .refused("vmdk.foreign-extents"), "-f", "vmdk", "-o",
            "subformat=twoGbMaxExtentSparse"),
        Recipe(
            "vmdk, split and flat", "vmdk", .refused("vmdk.foreign-extents"), "-f", "vmdk", "-o",
            "subformat=twoGbMaxExtentFlat"),
        Recipe("vmdk on a parent", "vmdk", .refused("vmdk.parent"), "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk"),
        Recipe("vhd", "vhd", .accepted(1_079_296), "-f", "vpc"),
        Recipe("vhd of that very size", "vpc", .accepted(size), "-f", "vpc", "-o", "force_size=on"),
        Recipe("vhd, fixed", "vhd", .accepted(1_079_296), "-f", "vpc", "-o", "subformat=fixed"),
        Recipe("vhdx", "vhdx", .accepted(size), "-f", "vhdx"),
        Recipe("vhdx, fixed", "vhdx", .accepted(size), "-f", "vhdx", "-o", "subformat=fixed"),
        Recipe("vdi", "vdi", .accepted(size), "-f", "vdi"),
        Recipe("vdi, static", "vdi", .accepted(size), "-f", "vdi", "-o", "static=on"),
        Recipe("qed", "qed", .refused("qed.banned"), "-f", "qed", "-o", "cluster_size=4k,table_size=1"),
        Recipe("parallels", "ploop", .accepted(0), "-f", "parallels"),
        Recipe("raw", "raw", .accepted(size), "-f", "raw"),
    ]

    private static func make() async throws -> [SampleImage] {
        try await Tools.withFolder { folder in
            let image = folder.appending(path: "image")
            let base = folder.appending(path: "base.raw")
            try Data((0..<Int(size)).map { UInt8(truncatingIfNeeded: $0 / 4096 % 3) }).write(to: base)
            try await Tools.run(
                ["qemu-img", "create", "-q", "-f", "vmdk", folder.appending(path: "base.vmdk").path, "1M"])
            var samples: [SampleImage] = []
            func add(_ name: String, _ declared: String, _ outcome: SampleImage.Outcome) throws {
                let bytes = Array(try Data(contentsOf: image))
                samples.append(SampleImage(name: name, declared: declared, bytes: bytes, outcome: outcome))
                try FileManager.default.removeItem(at: image)
            }
            for recipe in recipes {
                let place = recipe.arguments.map { $0.replacing("data.raw", with: folder.path + "/data.raw") }
                let size = recipe.arguments.contains("-b") ? [] : ["\(size)"]
                try await Tools.run(["qemu-img", "create", "-q"] + place + [image.path] + size)
                try add(recipe.name, recipe.declared, recipe.outcome)
            }
            for (name, declared, options) in [
                ("qcow2, filled", "qcow2", ["-O", "qcow2"]), ("qcow2, compressed", "qcow2", ["-c", "-O", "qcow2"]),
                ("vmdk, filled", "vmdk", ["-O", "vmdk"]),
                ("vmdk, streamed and filled", "vmdk", ["-O", "vmdk", "-o", "subformat=streamOptimized"]),
                ("vdi, filled", "vdi", ["-O", "vdi"]), ("vhdx, filled", "vhdx", ["-O", "vhdx"]),
                ("vhd, filled", "vhd", ["-O", "vpc", "-o", "force_size=on"]),
                ("vhd, fixed and filled", "vhd", ["-O", "vpc", "-o", "subformat=fixed,force_size=on"]),
            ] {
                try await Tools.run(["qemu-img", "convert", "-f", "raw"] + options + [base.path, image.path])
                try add(name, declared, .accepted(size))
            }
            let content = folder.appending(path: "content")
            try Data("hello".utf8).write(to: content)
            try await Tools.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", image.path, content.path])
            try add("iso", "iso", .accepted(Int64(try Data(contentsOf: image).count)))
            return samples + forged
        }
    }

    private static let forged: [SampleImage] = [
        ("gpt", "raw", ForgedImages.gpt()), ("mbr", "raw", ForgedImages.mbr()), ("luks", "raw", ForgedImages.luks()),
        ("vmdk, streamed with a footer", "vmdk", ForgedImages.streamedVMDK()), ("nothing", "raw", []),
    ].map { name, declared, bytes in
        SampleImage(
            name: name, declared: declared, bytes: bytes,
            outcome: .accepted(declared == "vmdk" ? size : Int64(bytes.count)))
    }
}

import DiskImageSamples
import Foundation
import TestSupport

/// An image that is small on the wire, and costs more than it may.
struct Bomb: Sendable {
    let name: String
    /// The format that it is declared as.
    let declared: String
    let bytes: [UInt8]
    /// What the refusal has to speak of.
    let refusal: String
    /// Whether its source sends it little by little.
    var isSlow = false

    /// More than is let through whatever the ratio.
    private static let zeros = "head -c 72M /dev/zero"

    /// One of each kind, made with the programs that people make images with. Blocks its thread for seconds.
    static func all() throws -> [Bomb] {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        let files = CompressedFiles(folder: folder)
        return try ratios(files) + sizes(files) + memories(files) + nested(files) + disks(files) + lies(files)
    }

    private static func ratios(_ files: CompressedFiles) throws -> [Bomb] {
        var bombs = try [
            ("gzip", "gzip -c"), ("bzip2", "bzip2 -c"), ("xz", "xz -1 -c"), ("zstd", "zstd -q -c"),
            ("zip", "cat >zeros; zip -q x.zip zeros; cat x.zip"),
        ].map { name, program in
            Bomb(
                name: "\(name) of zeros", declared: "raw", bytes: try files.make("\(zeros) | { \(program); }"),
                refusal: "import.decompress.max-ratio")
        }
        if let gzip = bombs.first {
            var slow = Bomb(
                name: "gzip of zeros, little by little", declared: "raw", bytes: gzip.bytes, refusal: gzip.refusal)
            slow.isSlow = true
            bombs.append(slow)
        }
        return bombs
    }

    /// Within the ratio, and too large; and what costs work and gives nothing.
    private static func sizes(_ files: CompressedFiles) throws -> [Bomb] {
        let noisy = "i=0; while [ $i -lt 110 ]; do head -c 16K /dev/urandom; head -c 1008K /dev/zero; i=$((i+1)); done"
        let members = Array(repeatElement(try files.make("bzip2 -c </dev/null"), count: 75_000).joined())
        return [
            Bomb(
                name: "a gzip that is too large", declared: "raw", bytes: try files.make("{ \(noisy); } | gzip -1 -c"),
                refusal: "larger than the limit of \(BombRound.maxBytes) bytes"),
            Bomb(
                name: "bzip2 of 75,000 empty members and a last one", declared: "qcow2",
                bytes: members + (try files.make("echo no disk | bzip2 -c")), refusal: "declared qcow2"),
        ]
    }

    private static func memories(_ files: CompressedFiles) throws -> [Bomb] {
        try [
            ("xz", "xz --lzma2=preset=0,dict=512MiB -c disk.raw"),
            ("zstd", "zstd -q --ultra -1 --long=30 --no-check -c <disk.raw"),
        ].map { name, script in
            Bomb(
                name: "\(name) that looks far back", declared: "raw",
                bytes: try files.make(script, of: CompressedFiles.plain(100_000)),
                refusal: "import.decompress.max-memory")
        }
    }

    /// One layer is taken off, and what comes out is no disk.
    private static func nested(_ files: CompressedFiles) throws -> [Bomb] {
        [
            Bomb(
                name: "gzip in gzip", declared: "qcow2", bytes: try files.make("\(zeros) | gzip -c | gzip -c"),
                refusal: "declared qcow2"),
            Bomb(
                name: "zip in zip", declared: "qcow2",
                bytes: try files.make(
                    "\(zeros) >zeros; zip -q inner.zip zeros; zip -q outer.zip inner.zip; cat outer.zip"),
                refusal: "declared qcow2"),
        ]
    }

    /// Disks that would be far larger as what they are converted to.
    private static func disks(_ files: CompressedFiles) throws -> [Bomb] {
        try [("20G", "import.convert.max-ratio"), ("8T", "import.convert.max-bytes")].map { size, refusal in
            Bomb(
                name: "qcow2 of \(size)", declared: "qcow2",
                bytes: try files.make("qemu-img create -q -f qcow2 x \(size); cat x"), refusal: refusal)
        }
    }

    /// Headers and trailers that say something else than what is there.
    private static func lies(_ files: CompressedFiles) throws -> [Bomb] {
        let disk = try files.make("qemu-img create -q -f qcow2 x 8M; cat x")
        var (long, refers) = (disk, disk)
        long.put(big: 1 << 50, 8, at: 24)
        refers.put(big: 512, 8, at: 8)
        refers.put(big: 11, 4, at: 16)
        refers.put(Array("/etc/passwd".utf8), at: 512)
        var packed = try files.make("gzip -c disk.raw", of: CompressedFiles.plain(100_000))
        packed.put(little: 17, 4, at: packed.count - 4)
        var zip = try files.make("zip -q x.zip disk.raw; cat x.zip", of: CompressedFiles.plain(100_000))
        zip.put(little: 17, 4, at: 22)
        return [
            Bomb(
                name: "qcow2 that says it is 1 PiB", declared: "qcow2", bytes: long, refusal: "its L1 table"),
            Bomb(name: "qcow2 that refers to a file", declared: "qcow2", bytes: refers, refusal: "backing file"),
            Bomb(name: "gzip that lies about its length", declared: "raw", bytes: packed, refusal: "gzip data"),
            Bomb(name: "zip that lies about its length", declared: "raw", bytes: zip, refusal: "zip"),
        ]
    }
}

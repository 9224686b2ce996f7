import Foundation
import ImportModel
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import ImageConversion

@Suite struct ConversionTests {
    @Test(arguments: ["qcow2", "vmdk", "vhdx", "vdi", "raw"])
    func `a disk in any format that is read becomes the same disk`(format: String) async throws {
        try await ConversionBench.with { bench in
            let image = format == "raw" ? ConversionBench.disk : try bench.image(format)
            #expect(try await bench.convert(image, from: format, try bench.converter()) == ConversionBench.disk)
        }
    }

    @Test func `a disk of another size than its geometry is converted with the size of its geometry`() async throws {
        try await ConversionBench.with { bench in
            let image = try bench.image("vpc")
            let converted = try await bench.convert(image, from: "vhd", try bench.converter())
            #expect(converted.starts(with: ConversionBench.disk))
            #expect(converted.dropFirst(ConversionBench.disk.count).allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: ["qcow2", "vmdk"])
    func `a disk is made in the format that is configured`(format: String) async throws {
        try await ConversionBench.with { bench in
            let made = try await bench.convert(ConversionBench.disk, from: "raw", try bench.converter(to: format))
            #expect(
                made.starts(
                    with: format == "qcow2"
                        ? Array("QFI\u{FB}".unicodeScalars.map { UInt8($0.value) })
                        : Array("KDMV".utf8)))
            #expect(try await bench.convert(made, from: format, try bench.converter()) == ConversionBench.disk)
        }
    }

    @Test func `only plain disks in other formats are converted`() throws {
        let converter = ImageConverter(to: "qcow2", scratch: "/nowhere", threads: .singleton)
        for disk in ["raw", "vmdk", "vhd", "vhdx", "vdi"] { #expect(converter.converts(disk: disk, container: "bare")) }
        for disk in ["qcow2", "iso", "ami", "ari", "aki", "ploop", nil] {
            #expect(!converter.converts(disk: disk, container: "bare"))
        }
        for container in ["ova", "compressed", "docker", nil] {
            #expect(!converter.converts(disk: "raw", container: container))
        }
    }

    @Test func `the program is told both formats, and has nothing but the two files`() async throws {
        try await ConversionBench.with { bench in
            let script = """
                { echo "$@"; env | grep -v ^PWD= | grep -v ^SHLVL= | grep -v ^_=; for f in /proc/$$/fd/*; do echo ${f##*/}; done
                cat /proc/net/dev | tail -n +3 | cut -d: -f1; } >&4
                """
            let told = try await bench.convert(
                [1], from: "vhd", try bench.converter(to: "vmdk", script: script))
            var lines = String(decoding: told, as: UTF8.self).split(separator: "\n").map {
                $0.filter { $0 != " " }
            }
            #expect(lines.removeFirst() == "convert-p-fvpc-Ovmdk/proc/self/fd/3/proc/self/fd/4")
            // The shell keeps two more for its script and its own output, and has one for the folder it reads.
            #expect(Set(lines.compactMap { Int($0) }).subtracting([10, 11]) == [0, 1, 2, 3, 4, 5])
            lines.removeAll { Int($0) != nil }
            // Where no network can be taken away, nobody says that it was.
            if try await hasOwnNetwork(bench) { #expect(lines == ["lo"]) }
        }
    }

    private func hasOwnNetwork(_ bench: ConversionBench) async throws -> Bool {
        let probe = try bench.converter(script: "readlink /proc/self/ns/net >&4")
        let theirs = String(decoding: try await bench.convert([1], from: "raw", probe), as: UTF8.self)
        let ours = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        return !theirs.contains(ours)
    }

    @Test func `how far it is comes from the program`() async throws {
        try await ConversionBench.with { bench in
            let script = #"printf '    (0.00/100%%)\r    (41.50/100%%)\r'; sleep 0.1; printf '    (100.00/100%%)\r\n'"#
            let converter = try bench.converter(script: script)
            let seen = Mutex<[Double]>([])
            _ = try await converter.convert(try await bench.scratchFile([1], converter), from: "qcow2") { percent in
                seen.withLock { $0.append(percent) }
            }
            let percents = seen.withLock(\.self)
            #expect(percents == percents.sorted() && percents.last == 100)
        }
    }

    @Test func `what an image makes the program complain of is no progress, and no number is none either`() async throws
    {
        try await ConversionBench.with { bench in
            let script = #"""
                printf '(10/100%%)\n'; sleep 0.1; printf '(nan/100%%)\n(inf/100%%)\n(-7/100%%)\n'
                printf "for bitmap 'x\n(nan/100%%)\n(80/100%%)\ny\302\233'\n" >&2
                sleep 0.1; printf '(20/100%%)\n'; exit 1
                """#
            let converter = try bench.converter(script: script)
            let seen = Mutex<[Double]>([])
            let source = try await bench.scratchFile([1], converter)
            let error = await #expect(throws: ConversionError.self) {
                _ = try await converter.convert(source, from: "qcow2") { percent in
                    seen.withLock { $0.append(percent) }
                }
            }
            let percents = seen.withLock(\.self)
            #expect(percents.last == 20 && percents.allSatisfy { [0, 10, 20].contains($0) }, "\(percents)")
            let words = error?.description ?? ""
            #expect(words.contains("for bitmap 'x; (nan/100%); (80/100%); y'"), "\(words)")
        }
    }

    @Test func `a machine tells with what it converts, and whether that reaches a network`() async throws {
        try await ConversionBench.with { bench in
            let (version, networkError) = try await bench.converter().probe()
            #expect(version.hasPrefix("qemu-img version"))
            #expect(try await hasOwnNetwork(bench) == (networkError == nil))
            await #expect(throws: ConversionError.self) { try await bench.converter(script: "exit 3").probe() }
        }
    }

    @Test func `a machine that cannot convert says so`() async throws {
        try await ConversionBench.with { bench in
            let nowhere = ImageConverter(to: "raw", scratch: bench.folder.path + "/none", threads: bench.threads)
            await #expect(throws: ConversionError.self) { try await nowhere.makeScratch() }
            do { _ = try await nowhere.makeScratch() } catch {
                #expect("\(error)".contains("import.scratch"))
            }
            let without = ImageConverter(
                to: "raw", scratch: bench.scratch, program: "/nowhere/qemu-img", threads: bench.threads)
            let missing = try await bench.failure(by: without)
            #expect(missing.description.contains("install qemu-utils") && !missing.isRefusal && !missing.isPassing)
        }
    }
}

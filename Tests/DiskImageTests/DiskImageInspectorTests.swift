import DiskImage
import DiskImageSamples
import Foundation
import Testing

@Suite("What all the bytes say")
struct DiskImageInspectorTests {
    @Test("Images of every kind that tools make are accepted with their size, or refused by the right rule")
    func samples() async throws {
        for sample in try await SampleImages.shared.all() {
            let inspection = Inspection(of: sample.bytes)
            switch (sample.outcome, inspection.verdict(declared: sample.declared, container: "bare")) {
            case (.accepted(let expected), .accepted(let size)):
                #expect(size ?? 0 == expected, "\(sample)")
            case (.refused(let code), .refused(let reason)):
                #expect(inspection.dangers.contains { $0.code == code }, "\(sample): \(reason)")
            case (_, let verdict):
                Issue.record("\(sample): \(verdict)")
            }
        }
    }

    @Test("An image is accepted as nothing but what it is")
    func otherDeclarations() async throws {
        let names = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ami", "aki", "ari", "ploop", "qed", "other"]
        for sample in try await SampleImages.shared.all() {
            let inspection = Inspection(of: sample.bytes)
            let isRaw = inspection.format == .unknown || inspection.format == .gpt
            for name in names where name != sample.declared && !(name == "vhd" && sample.declared == "vpc") {
                let verdict = inspection.verdict(declared: name, container: "bare")
                // Names without a format of their own stand for raw bytes.
                let stands = isRaw && ["raw", "ami", "aki", "ari", "ploop", "other"].contains(name)
                #expect(verdict.isAccepted == stands, "\(sample) as \(name): \(verdict)")
            }
        }
    }

    @Test("Without a required match an image may be another format, but nothing dangerous")
    func matchNotRequired() async throws {
        for sample in try await SampleImages.shared.all() {
            let inspection = Inspection(of: sample.bytes)
            let verdict = inspection.verdict(declared: "raw", container: "bare", requireFormatMatch: false)
            if case .refused = sample.outcome {
                #expect(!verdict.isAccepted, "\(sample)")
            } else {
                #expect(verdict == .accepted(virtualSizeBytes: Int64(sample.bytes.count)), "\(sample)")
            }
        }
    }

    @Test("In a container the format is not asked for, but dangers are refused")
    func containers() async throws {
        for sample in try await SampleImages.shared.all() {
            let verdict = Inspection(of: sample.bytes).verdict(declared: "vmdk", container: "ova")
            if case .refused = sample.outcome {
                #expect(!verdict.isAccepted, "\(sample)")
            } else {
                #expect(verdict == .accepted(virtualSizeBytes: nil), "\(sample)")
            }
        }
        let kernel = ForgedImages.zeros(4096).with([0x55, 0xAA], at: 510)
        #expect(Inspection(of: kernel).verdict(declared: "aki", container: "aki").isAccepted)
        #expect(Inspection(of: kernel).verdict(declared: "aki", container: "bare").isAccepted)
        #expect(!Inspection(of: kernel).verdict(declared: "raw", container: "bare").isAccepted)
    }

    @Test("The pieces in which an image comes make no difference, nor does going on from a saved state")
    func pieces() async throws {
        var generator = SeededGenerator(seed: 1)
        for sample in try await SampleImages.shared.all() {
            let whole = Inspection(of: sample.bytes)
            for size in [1, 511, 4096, 65_536, 1 << 20] where size > 4096 || sample.bytes.count <= 140_000 {
                var inspector = DiskImageInspector()
                inspector.take(sample.bytes, pieces: { size })
                #expect(inspector.finish() == whole, "\(sample) in pieces of \(size)")
            }
            var inspector = DiskImageInspector()
            for piece in sample.bytes.chunked(
                by: max(1, Int.random(in: 1...sample.bytes.count / 4 + 1, using: &generator)))
            {
                inspector.take(piece)
                let state = try JSONEncoder().encode(inspector)
                #expect(state.count < (inspector.position < DiskImageInspector.headBytes ? 160_000 : 64_000))
                inspector = try JSONDecoder().decode(DiskImageInspector.self, from: state)
            }
            #expect(inspector.finish() == whole, "\(sample) continued")
        }
    }

    @Test("A state saved under other rules is not continued")
    func otherRules() throws {
        let state = String(decoding: try JSONEncoder().encode(DiskImageInspector()), as: UTF8.self)
        let other = state.replacing(#""rules":1"#, with: #""rules":99"#)
        #expect(other != state)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(DiskImageInspector.self, from: Data(other.utf8))
        }
    }

    @Test("A refusal that is certain is known from the beginning alone, and no other is foretold")
    func early() async throws {
        for sample in try await SampleImages.shared.all() where sample.bytes.count > DiskImageInspector.headBytes {
            var inspector = DiskImageInspector()
            inspector.take(Array(sample.bytes.prefix(DiskImageInspector.headBytes - 1)))
            #expect(inspector.certainRefusal(declared: "raw", container: "bare") == nil)
            inspector.take([sample.bytes[DiskImageInspector.headBytes - 1]])
            for name in ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso"] {
                let verdict = Inspection(of: sample.bytes).verdict(declared: name, container: "bare")
                let foretold = inspector.certainRefusal(declared: name, container: "bare")
                #expect(foretold == nil || !verdict.isAccepted, "\(sample) as \(name)")
                // All that these lack is seen at the beginning.
                if name == "qcow2" { #expect((foretold == nil) == verdict.isAccepted, "\(sample)") }
            }
        }
    }

    @Test("Volumes that qemu-img encrypts are recognised")
    func encrypted() async throws {
        try await Tools.withFolder { folder in
            for (format, options) in [
                ("luks", "key-secret=s,iter-time=10"),
                ("qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"),
            ] {
                let image = folder.appending(path: "image")
                let command = [
                    "qemu-img", "create", "-q", "--object", "secret,id=s,data=x", "-f", format, "-o", options,
                    image.path, "1M",
                ]
                // The tool measures the processor first, and gives up when it is busy.
                var tries = 1
                while try await Tools.status(of: command) != 0, tries < 20 { tries += 1 }
                let bytes = Array(try Data(contentsOf: image))
                let inspection = Inspection(of: bytes)
                #expect(inspection.virtualSizeBytes == 1 << 20)
                let isLUKS = format == "luks"
                #expect(
                    inspection.verdict(declared: isLUKS ? "raw" : "qcow2", container: "bare")
                        == .accepted(virtualSizeBytes: isLUKS ? Int64(bytes.count) : 1 << 20))
                #expect(inspection.verdict(declared: "luks", container: "bare").isAccepted == isLUKS)
                if !isLUKS { #expect(inspection.notes == ["encrypted by LUKS"]) }
            }
        }
    }
}

extension Inspection {
    init(of bytes: [UInt8]) {
        var inspector = DiskImageInspector()
        inspector.take(bytes)
        self = inspector.finish()
    }
}

extension DiskImageInspector {
    mutating func take(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    mutating func take(_ bytes: [UInt8], pieces size: () -> Int) {
        bytes.withUnsafeBytes { all in
            var start = 0
            while start < all.count {
                let end = min(all.count, start + size())
                update(UnsafeRawBufferPointer(rebasing: all[start..<end]))
                start = end
            }
        }
    }
}

extension Verdict {
    var isAccepted: Bool {
        if case .accepted = self { true } else { false }
    }
}

extension [UInt8] {
    func chunked(by size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min(count, $0 + size)]) }
    }
}

import DiskImage
import DiskImageSamples
import Foundation
import Testing

@Suite("Hostile images")
struct HostileImageTests {
    private static let declarations = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "luks", "ploop", "aki"]

    @Test("Changed and spliced images end in a verdict, the same for any pieces")
    func fuzz() async throws {
        let seed = Tools.setting("LONGSHORE_FUZZ_SEED", default: 1)
        var mutations = Mutations(
            of: try await SampleImages.shared.all().filter { $0.bytes.count < 4_000_000 }, seed: seed)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<Tools.setting("LONGSHORE_FUZZ_CASES", default: 2_000) {
            let bytes = mutations.next()
            let whole = Inspection(of: bytes)
            var inspector = DiskImageInspector()
            inspector.take(bytes) { Int.random(in: 1...20_000, using: &generator) }
            #expect(inspector.finish() == whole, "seed \(seed), case \(number)")
            let accepted = Self.declarations.filter { whole.verdict(declared: $0, container: "bare").isAccepted }
            for name in accepted where inspector.certainRefusal(declared: name, container: "bare") != nil {
                Issue.record("seed \(seed), case \(number): refused early as \(name), and accepted")
            }
            #expect(accepted.isEmpty || whole.dangers.allSatisfy { $0.code.hasPrefix("gpt.") }, "case \(number)")
        }
    }

    @Test("Noise is raw")
    func noise() {
        var generator = SeededGenerator(seed: 7)
        for length in [0, 1, 63, 64, 511, 512, 513, 1536, 4097, 69_631, 69_632, 69_633, 200_000] {
            let noise = (0..<length).map { _ in UInt8.random(in: 0...127, using: &generator) }
            #expect(Inspection(of: noise).verdict(declared: "raw", container: "bare").isAccepted)
        }
    }

    /// Nothing that the others call unsafe, or that they open as another format, is accepted.
    @Test("qemu-img and oslo.utils agree with every acceptance")
    func differential() async throws {
        let seed = Tools.setting("LONGSHORE_FUZZ_SEED", default: 1)
        let wanted = Int(Tools.setting("LONGSHORE_DIFFERENTIAL_CASES", default: 3_000))
        let seeds = try await SampleImages.shared.all()
        // A VHDX is large, and costs much.
        var mutations = Mutations(of: seeds.filter { $0.bytes.count < 4_000_000 }, seed: seed)
        var large = Mutations(of: seeds.filter { $0.declared == "vhdx" }, seed: seed)
        var counts = Referees.Counts()
        for start in stride(from: 0, to: wanted, by: 500) {
            var batch = start == 0 ? seeds.map(\.bytes) : []
            for number in batch.count..<min(500, wanted - start) {
                batch.append(number % 20 == 0 ? large.next() : mutations.next())
            }
            try await Referees.judge(batch, name: "seed \(seed), batch \(start)", &counts)
        }
        print("differential: \(counts)")
        #expect(counts.accepted > wanted / 20)
        #expect(counts.agreedSizes > wanted / 40)
    }
}

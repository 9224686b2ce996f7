import Foundation
import Testing

/// What fuzzing has found interesting, or wrong, stays right: the targets of `make fuzz` on the inputs in the tree.
@Suite("Corpus of hostile inputs")
struct CorpusTests {
    @Test("Every input in the corpus keeps what its parser promises", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let inputs = try Self.inputs(of: target)
        #expect(!inputs.isEmpty)
        for (name, input) in inputs { #expect(throws: Never.self, "\(name)") { try target.check(input) } }
    }

    @Test("Inputs that are cut off anywhere keep it, too", arguments: FuzzTarget.allCases)
    func cut(target: FuzzTarget) throws {
        // Those that people wrote; the fuzzer names its own by their digests, and has cut them itself.
        for (name, input) in try Self.inputs(of: target) where name.utf8.count < 40 {
            for count in 0..<min(400, input.count) {
                let piece = Array(input.prefix(count))
                #expect(throws: Never.self, "\(name), \(count) bytes") { try target.check(piece) }
            }
        }
    }

    private static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fuzz/Corpus/\(target.rawValue)")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map { file in
            ("\(target.rawValue)/\(file.lastPathComponent)", [UInt8](try Data(contentsOf: file)))
        }
    }
}

import Foundation
import Testing

/// What fuzzing has found interesting, or wrong, stays right: the targets of `make fuzz` on the inputs in the tree.
@Suite("Corpus of hostile inputs")
struct CorpusTests {
    @Test("Every input in the corpus keeps what its parser promises", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fuzz/Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty, "no inputs in \(folder.path)")
        for file in files {
            let input = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.path)") { try target.check(input) }
        }
    }

    @Test("Inputs that are cut off anywhere keep it, too", arguments: FuzzTarget.allCases.filter { $0 != .image })
    func cut(target: FuzzTarget) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fuzz/Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        for file in files {
            let input = [UInt8](try Data(contentsOf: file).prefix(400))
            for count in input.indices {
                let piece = Array(input.prefix(count))
                #expect(throws: Never.self, "\(file.path), \(count) bytes") { try target.check(piece) }
            }
        }
    }
}

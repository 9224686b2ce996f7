import Foundation
import Testing

@testable import ProtocolModel

/// That each invariant of the model can fail, and fails for what it is about.
@Suite struct InvariantTests {
    private static let names =
        Invariant.all.map(\.name) + StepInvariant.all.map(\.name)
        + [ProgressExplorer.comesToRest.name, ProgressExplorer.endsWell.name]

    @Test(arguments: Breach.all)
    func `what is bent breaks its invariant and no other, and its neighbour none`(breach: Breach) throws {
        var scene = try breach.right()
        #expect(scene.broken(as: breach.invariant) == [])
        #expect(scene.model.broken(in: scene.before).map(\.name) == [])
        try breach.bend(&scene)
        #expect(scene.broken(as: breach.invariant) == [breach.invariant])
    }

    @Test func `there is a breach of each invariant`() {
        #expect(Set(Breach.all.map(\.invariant)) == Set(Self.names))
        #expect(Set(Self.names).count == Self.names.count)
    }

    @Test func `each invariant is in the table of the protocol's page`() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let page = try String(contentsOf: root.appending(path: "docs/protocol.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") }
        let listed = Set(rows.flatMap { $0.split(separator: "|")[0].split { !$0.isLetter && !$0.isNumber } })
        for name in Self.names {
            // Q7p and Q7c are the halves of Q7, and O6s is of O6.
            #expect(listed.contains(name.prefix { !$0.isLowercase }), "docs/protocol.md lacks \(name)")
        }
    }
}

import DiskImage
import Foundation
import ImportModel
import Testing

@testable import ImportPipeline

@Suite struct DeclaredFormatTests {
    @Test func `A finding is judged by only as long as its rules are those of today`() throws {
        var inspector = DiskImageInspector()
        [UInt8](repeating: 0, count: 512).withUnsafeBytes { inspector.update($0) }
        let finding = String(decoding: try JSONEncoder().encode(inspector.finish()), as: UTF8.self)
        let declared = DeclaredFormat(disk: "raw", container: "bare")
        let judged = try #require(try declared.judge(finding: finding))
        #expect(judged.verdict?.format == "raw" && judged.virtualSizeBytes == 512)

        let today = "\"edition\":\(Inspection.currentEdition)"
        #expect(finding.contains(today))
        for other in ["\"edition\":\(Inspection.currentEdition - 1)", "\"edition\":null"] {
            #expect(try declared.judge(finding: finding.replacing(today, with: other)) == nil)
        }
    }
}

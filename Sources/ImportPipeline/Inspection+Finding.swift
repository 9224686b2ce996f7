import DiskImage
import Foundation
import ImportModel

extension Inspection {
    /// Reads what was kept with staged data; `nil` for nothing, for what cannot be read, and for what was found by the
    /// rules of another edition: then the bytes are looked at again.
    init?(finding: String?) {
        guard let finding, let inspection = try? JSONDecoder().decode(Inspection.self, from: Data(finding.utf8)),
            inspection.edition == Inspection.currentEdition
        else { return nil }
        self = inspection
    }

    /// What is kept of it with an image.
    var recorded: RecordedVerdict { RecordedVerdict(format: format.name, notes: notes, edition: edition) }
}

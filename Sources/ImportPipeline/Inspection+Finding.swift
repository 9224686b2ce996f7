import DiskImage
import Foundation

extension Inspection {
    /// Reads what was kept with staged data; `nil` for nothing, and for what another version wrote.
    init?(finding: String?) {
        guard let finding, let inspection = try? JSONDecoder().decode(Inspection.self, from: Data(finding.utf8)) else {
            return nil
        }
        self = inspection
    }
}

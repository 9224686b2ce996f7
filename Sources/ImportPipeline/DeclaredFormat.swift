import DiskImage
package import ImportModel

/// What an image is declared to be, and how strictly its bytes are held to it.
package struct DeclaredFormat: Hashable, Sendable {
    package var disk: String
    package var container: String
    /// Whether bytes of another format are refused; what is dangerous is refused in any case.
    package var mustMatch: Bool

    package init(disk: String, container: String, mustMatch: Bool = true) {
        self.disk = disk
        self.container = container
        self.mustMatch = mustMatch
    }

    /// The virtual size in bytes, if it is known, of what was inspected.
    /// - Throws: `PipelineError.refusedFormat` with the reason.
    func judge(_ inspection: Inspection) throws(PipelineError) -> Int64? {
        switch inspection.verdict(declared: disk, container: container, requireFormatMatch: mustMatch) {
        case .accepted(let virtualSizeBytes): return virtualSizeBytes
        case .refused(let reason): throw .refusedFormat(reason: reason)
        }
    }

    /// Judges staged data by what its inspection found on the way in; `nil` if that cannot be read (any more).
    /// - Throws: `PipelineError.refusedFormat` with the reason.
    package func judge(finding: String?) throws(PipelineError) -> InspectedFormat? {
        guard let inspection = Inspection(finding: finding) else { return nil }
        return InspectedFormat(verdict: inspection.recorded, virtualSizeBytes: try judge(inspection))
    }

    func refuseEarly(_ inspector: DiskImageInspector) throws(PipelineError) {
        if let reason = inspector.certainRefusal(declared: disk, container: container, requireFormatMatch: mustMatch) {
            throw .refusedFormat(reason: reason)
        }
    }
}

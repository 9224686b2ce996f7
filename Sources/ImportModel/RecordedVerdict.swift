/// What is kept with an image of the inspection that let it in. Nothing decides by it.
package struct RecordedVerdict: Hashable, Codable, Sendable {
    /// The format by its marks, such as `qcow2`; `raw` where there are none.
    package var format: String
    /// What is worth knowing and was no reason to refuse.
    package var notes: [String]
    /// Of the rules that were asked: those of a later edition may refuse what they let in.
    package var edition: Int

    package init(format: String, notes: [String] = [], edition: Int = 1) {
        self.format = format
        self.notes = notes
        self.edition = edition
    }
}

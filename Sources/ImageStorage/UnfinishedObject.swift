/// How a later writer, in whatever process, finds the beginning of an object in the making.
package struct UnfinishedObject: Hashable, Codable, Sendable {
    /// Under which the bytes are.
    package var key: String
    /// What the adapter has to know besides, in its own words; not to be trusted when it comes back.
    package var note: String

    package init(key: String, note: String = "") {
        self.key = key
        self.note = note
    }
}

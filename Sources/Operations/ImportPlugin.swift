/// What an import does besides moving bytes, where it is configured.
package enum ImportPlugin: String, Sendable, CaseIterable {
    case inject, decompress, convert
}

/// Why a request about images is refused; each text says what was wrong and what would do.
package enum CatalogError: Error, Hashable, Sendable {
    case invalid(String)
    case forbidden(String)
    case notFound(String)
    case conflict(String)
    /// A quota or a limit.
    case tooMuch(String)
    /// Another media type is needed; the header that names it goes along.
    case unsupportedMediaType(String)

    package var message: String {
        switch self {
        case .invalid(let text), .forbidden(let text), .notFound(let text), .conflict(let text), .tooMuch(let text),
            .unsupportedMediaType(let text):
            text
        }
    }

    package static func noImage(_ id: String) -> CatalogError {
        .notFound("No image found with ID \(id.prefix(64))")
    }
}

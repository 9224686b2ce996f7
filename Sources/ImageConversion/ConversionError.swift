/// Why an image was not converted; the description is for a person.
package enum ConversionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The image cannot be converted, or not within the limits. Stays so.
    case refused(String)
    /// This machine cannot; another may.
    case machine(String)
    /// May pass by itself.
    case passing(String)

    package var description: String {
        switch self {
        case .refused(let reason), .machine(let reason), .passing(let reason): reason
        }
    }
}

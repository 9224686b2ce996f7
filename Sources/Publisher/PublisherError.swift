/// Why a publisher's word for an image could not be had, or not be believed; the description is for a person.
package enum PublisherError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stays so, whoever tries: the file does not speak of the image, or its signature is none.
    case refused(String)
    /// This machine cannot tell; another may.
    case machine(String)
    /// May pass by itself.
    case passing(String)

    package var description: String {
        switch self {
        case .refused(let reason), .machine(let reason), .passing(let reason): reason
        }
    }
}

import ImportModel
import LeaseStore

extension Catalog {
    /// Takes an image out of service: from then on only administrators may read its data. Again changes nothing.
    package func deactivate(_ id: String, by caller: Caller) async throws {
        try await turn(id, isActive: false, by: caller)
    }

    /// Puts an image back into service. Again changes nothing.
    package func reactivate(_ id: String, by caller: Caller) async throws {
        try await turn(id, isActive: true, by: caller)
    }

    private func turn(_ id: String, isActive: Bool, by caller: Caller) async throws {
        let (action, verb): (PolicyAction, _) = isActive ? (.reactivate, "reactivate") : (.deactivate, "deactivate")
        let image = try await image(id, changedBy: caller, action: action, verb: verb)
        switch try await insist({ try await store.switchImage(image.id, isActive: isActive) }).answer {
        case .switched: return
        case .noImage: throw CatalogError.noImage(id)
        case .wrongStatus(let status):
            throw CatalogError.forbidden(
                "Not allowed to \(verb) image \(id) in status '\(status.rawValue)'; "
                    + "it must be active or deactivated.")
        }
    }
}

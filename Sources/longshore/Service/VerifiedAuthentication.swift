import Identity
import ImageAPI
import ImageCatalog
import ImportModel
import Logging
import Operations

/// Callers of the API by what a verifier says of their tokens.
struct VerifiedAuthentication: Authenticator {
    let verifier: any TokenVerifier

    var challenge: String? { verifier.challenge }

    func caller(token: String?) async throws -> Caller? {
        guard let token else { return nil }
        do {
            return try await verifier.principal(of: token).map(Self.caller)
        } catch let error as IdentityError {
            throw IdentityUnavailable("\(error)")
        }
    }

    private static func caller(_ principal: Principal) -> Caller {
        switch principal.scope {
        case .project(let id): Caller(project: id, user: principal.user, roles: principal.roles)
        case .domain: Caller(project: "", user: principal.user, roles: principal.roles, scope: .domain)
        case .system: Caller(project: "", user: principal.user, roles: principal.roles, scope: .system)
        case .nothing: Caller(project: "", user: principal.user, roles: principal.roles, scope: .nothing)
        }
    }
}

extension Settings {
    /// Who vouches for users; `nil`: nobody does.
    /// - Throws: `InvalidValue`
    func tokenVerifier(logger: Logger) throws -> (any TokenVerifier)? {
        switch api.identity {
        case "keystone": try KeystoneVerifier(KeystoneConfiguration(keystone), logger: logger)
        default: nil
        }
    }
}

extension KeystoneConfiguration {
    init(_ settings: Settings.Keystone) {
        let credentials: Credentials =
            if let id = settings.applicationCredentialID {
                .applicationCredential(id: id, secret: settings.applicationCredentialSecret ?? "")
            } else {
                .password(
                    user: settings.username ?? "", domain: Reference(domain: settings.userDomain),
                    password: settings.password ?? "",
                    project: settings.project.map { .name($0, domain: Reference(domain: settings.projectDomain)) })
            }
        self.init(authURL: settings.authURL, credentials: credentials)
        publicURL = settings.publicURL
        caFile = settings.caFile
        timeout = settings.timeout
        cacheTime = settings.cacheTime
    }
}

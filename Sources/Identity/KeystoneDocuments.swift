import Foundation

/// What is sent to `POST /v3/auth/tokens`.
enum KeystoneLogin {
    static func body(_ credentials: KeystoneConfiguration.Credentials) throws -> Data {
        var auth: [String: Any] = [:]
        switch credentials {
        case .password(let user, let domain, let password, let project):
            let user: [String: Any] = ["name": user, "domain": reference(domain), "password": password]
            auth["identity"] = ["methods": ["password"], "password": ["user": user]]
            switch project {
            case .id(let id): auth["scope"] = ["project": ["id": id]]
            case .name(let name, let domain):
                auth["scope"] = ["project": ["name": name, "domain": reference(domain)] as [String: Any]]
            case nil: break
            }
        case .applicationCredential(let id, let secret):
            auth["identity"] = [
                "methods": ["application_credential"], "application_credential": ["id": id, "secret": secret],
            ]
        }
        return try JSONSerialization.data(withJSONObject: ["auth": auth])
    }

    private static func reference(_ reference: KeystoneConfiguration.Reference) -> [String: String] {
        switch reference {
        case .id(let id): ["id": id]
        case .name(let name): ["name": name]
        }
    }
}

/// `{"token": …}`, as far as it is read.
struct TokenDocument: Decodable {
    struct Token: Decodable {
        let user: Reference
        let project: Reference?
        let domain: Reference?
        let system: [String: Bool]?
        let roles: [Role]?
        let expiresAt: String
        let catalog: [CatalogEntry]?

        enum CodingKeys: String, CodingKey {
            case user, project, domain, system, roles, catalog
            case expiresAt = "expires_at"
        }
    }

    struct Reference: Decodable {
        let id: String
    }

    struct Role: Decodable {
        let name: String
    }

    struct CatalogEntry: Decodable {
        struct Endpoint: Decodable {
            let url: String
            let interface: String
            let region: String?
        }

        let type: String
        let endpoints: [Endpoint]
    }

    let token: Token

    /// - Throws: what of it is not as it must be.
    init(_ data: Data) throws {
        self = try JSONDecoder().decode(TokenDocument.self, from: data)
    }

    var expiresAt: Date {
        get throws {
            let text = token.expiresAt
            let whole = Date.ISO8601FormatStyle(),
                fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            return try text.contains(".") ? fractional.parse(text) : whole.parse(text)
        }
    }

    var principal: Principal {
        get throws {
            let scope: Principal.Scope =
                if let project = token.project { .project(project.id) } else if let domain = token.domain {
                    .domain(domain.id)
                } else if token.system?["all"] == true { .system } else { .nothing }
            return Principal(
                user: token.user.id, scope: scope, roles: Set((token.roles ?? []).map { $0.name.lowercased() }),
                expiresAt: try expiresAt)
        }
    }
}

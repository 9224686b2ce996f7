package import Foundation

/// Whom a token belongs to, and what it is good for.
package struct Principal: Hashable, Sendable {
    package enum Scope: Hashable, Sendable {
        case project(String)
        case domain(String)
        case system
        case nothing
    }

    package let user: String
    package let scope: Scope
    /// In small letters.
    package let roles: Set<String>
    package let expiresAt: Date

    package init(user: String, scope: Scope, roles: Set<String>, expiresAt: Date) {
        self.user = user
        self.scope = scope
        self.roles = roles
        self.expiresAt = expiresAt
    }
}

/// Says whom tokens belong to.
package protocol TokenVerifier: Sendable {
    /// What `WWW-Authenticate` says to who brings no valid token.
    var challenge: String { get }

    /// - Returns: `nil` for a token that is not valid, or not any more.
    /// - Throws: `IdentityError` when that cannot be told.
    func principal(of token: String) async throws -> Principal?

    /// Looks whether tokens can be checked, for the log at start and for the doctor.
    /// - Returns: what was found, for a person.
    /// - Throws: `IdentityError`
    func check() async throws -> String
}

/// Why nothing can be said about a token. No text holds a token or a password.
package enum IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// May pass by itself.
    case unavailable(String)
    /// Somebody has to mend it.
    case misconfigured(String)

    package var description: String {
        switch self {
        case .unavailable(let text), .misconfigured(let text): text
        }
    }
}

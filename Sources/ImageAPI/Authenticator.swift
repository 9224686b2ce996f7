package import ImageCatalog

/// Who is asking, by what the request brings.
package protocol Authenticator: Sendable {
    /// What `WWW-Authenticate` says to whom nobody vouches for; `nil`: no such header.
    var challenge: String? { get }

    /// - Parameter token: of the header `X-Auth-Token`, or a bearer's in `Authorization`.
    /// - Returns: `nil` for whom nobody vouches. Its policy is set by the service.
    /// - Throws: `IdentityUnavailable` when that cannot be told right now.
    func caller(token: String?) async throws -> Caller?
}

/// Whoever vouches for users does not answer; a client is told to try again, and not that its token is wrong.
package struct IdentityUnavailable: Error, CustomStringConvertible {
    /// For the log.
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The identity `none`: every request is an administrator's of the one project `default`. For loopback only.
package struct NoAuthentication: Authenticator {
    package init() {}

    package var challenge: String? { nil }

    package func caller(token: String?) async throws -> Caller? {
        Caller(project: "default", user: "default", roles: ["admin"])
    }
}

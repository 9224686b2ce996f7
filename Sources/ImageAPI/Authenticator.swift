package import ImageCatalog

/// Who is asking, by what the request brings.
package protocol Authenticator: Sendable {
    /// - Parameter token: of the header `X-Auth-Token`.
    /// - Returns: `nil` for whom nobody vouches.
    func caller(token: String?) async throws -> Caller?
}

/// The identity `none`: every request is an administrator's of the one project `default`. For loopback only.
package struct NoAuthentication: Authenticator {
    package init() {}

    package func caller(token: String?) async throws -> Caller? {
        Caller(project: "default", user: "default", roles: ["admin"], isAdmin: true)
    }
}

/// How a Keystone is reached, and as whom.
package struct KeystoneConfiguration: Sendable {
    /// A domain, or something else that has a name in one.
    package enum Reference: Hashable, Sendable {
        case id(String)
        case name(String)

        /// The domain that every Keystone begins with is known by its id; others by their names.
        package init(domain text: String) { self = text == "default" ? .id(text) : .name(text) }
    }

    package enum Project: Hashable, Sendable {
        case id(String)
        case name(String, domain: Reference)
    }

    /// What proves who is asking. Never shown.
    package enum Credentials: Sendable, CustomStringConvertible, CustomReflectable {
        /// Without a project the token is good for nothing but to ask for another.
        case password(user: String, domain: Reference, password: String, project: Project?)
        case applicationCredential(id: String, secret: String)

        package var description: String { "***" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// With or without `/v3` at its end.
    package var authURL: String
    /// What clients are told; `nil`: `authURL`.
    package var publicURL: String?
    package var credentials: Credentials
    package var caFile: String?
    /// For a whole call.
    package var timeout: Duration = .seconds(5)
    /// How long a token that was found valid is not asked about again; zero: it is asked about each time.
    package var cacheTime: Duration = .seconds(60)

    package init(authURL: String, credentials: Credentials) {
        self.authURL = authURL
        self.credentials = credentials
    }

    /// The root of version 3, without a slash at its end.
    var root: String { Self.root(authURL) }

    static func root(_ url: String) -> String {
        var root = url
        while root.hasSuffix("/") { root.removeLast() }
        return root.hasSuffix("/v3") ? root : root + "/v3"
    }
}

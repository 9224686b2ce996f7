import Identity
import ImportModel

/// The user of the variables that OpenStack's own clients read: `OS_AUTH_URL` and those that go with it.
struct OpenStackLogin {
    struct Session {
        let token: String
        /// Of the image service; empty where it was not asked for.
        let endpoint: String
    }

    private let configuration: KeystoneConfiguration
    private let interface: String
    private let region: String?

    /// - Parameter environment: without empty variables.
    /// - Returns: `nil` where nobody is to log in.
    /// - Throws: what is missing.
    init?(_ environment: [String: String]) throws(InvalidValue) {
        guard let url = environment["OS_AUTH_URL"], environment["OS_AUTH_TYPE"] != "none" else { return nil }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw InvalidValue("OS_AUTH_URL must be an http or https URL")
        }
        configuration = {
            var configuration = KeystoneConfiguration(authURL: url, credentials: $0)
            configuration.caFile = environment["OS_CACERT"]
            configuration.timeout = .seconds(30)
            return configuration
        }(try Self.credentials(environment))
        interface = environment["OS_INTERFACE"] ?? "public"
        region = environment["OS_REGION_NAME"]
    }

    private static func credentials(
        _ environment: [String: String]
    ) throws(InvalidValue) -> KeystoneConfiguration.Credentials {
        func need(_ name: String) throws(InvalidValue) -> String {
            guard let text = environment[name] else {
                throw InvalidValue("OS_AUTH_URL is set, and \(name) is not; set it, or OS_TOKEN, or OS_AUTH_TYPE=none")
            }
            return text
        }
        func domain(_ prefix: String) -> KeystoneConfiguration.Reference {
            if let id = environment[prefix + "_DOMAIN_ID"] { return .id(id) }
            if let name = environment[prefix + "_DOMAIN_NAME"] { return .name(name) }
            return .id(environment["OS_DEFAULT_DOMAIN"] ?? "default")
        }
        if let id = environment["OS_APPLICATION_CREDENTIAL_ID"] {
            return .applicationCredential(id: id, secret: try need("OS_APPLICATION_CREDENTIAL_SECRET"))
        }
        let project: KeystoneConfiguration.Project =
            if let id = environment["OS_PROJECT_ID"] { .id(id) } else {
                .name(try need("OS_PROJECT_NAME"), domain: domain("OS_PROJECT"))
            }
        return .password(
            user: try need("OS_USERNAME"), domain: domain("OS_USER"), password: try need("OS_PASSWORD"),
            project: project)
    }

    /// - Throws: `IdentityError`, `CancellationError`
    func logIn(needsEndpoint: Bool) async throws -> Session {
        let session = try await KeystoneClient(configuration).logIn(withCatalog: needsEndpoint)
        guard needsEndpoint else { return Session(token: session.token, endpoint: "") }
        guard let endpoint = session.endpoint(of: "image", interface: interface, region: region) else {
            throw IdentityError.misconfigured(
                "Keystone's catalogue has no \(interface) endpoint of an image service"
                    + (region.map { " in region \($0)" } ?? "") + "; give the URL with --endpoint")
        }
        return Session(token: session.token, endpoint: endpoint)
    }
}

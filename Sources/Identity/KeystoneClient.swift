import Foundation
package import ImportModel
import NIOHTTP1

/// The calls of Keystone's API v3 that are needed: to log in, and to ask whom a token belongs to.
package struct KeystoneClient: Sendable {
    /// A token of our own.
    package struct Session: Sendable, CustomStringConvertible, CustomReflectable {
        package let token: String
        package let principal: Principal
        let catalog: [TokenDocument.CatalogEntry]
        /// When it was given out, by our clock.
        let since = Date()

        package var description: String { "***" }
        package var customMirror: Mirror { Mirror(self, children: []) }

        /// The URL of a service of this type in the catalogue.
        /// - Parameter region: `nil`: any.
        package func endpoint(of type: String, interface: String, region: String?) -> String? {
            catalog.first { $0.type == type }?.endpoints.first {
                $0.interface == interface && (region == nil || $0.region == region)
            }?.url
        }
    }

    enum Validation: Sendable {
        case valid(Principal)
        case notValid
        /// It is our own token that is not, or no longer.
        case notKnown
    }

    private let configuration: KeystoneConfiguration
    private let http: IdentityHTTP

    /// - Throws: what is wrong with the configuration.
    package init(_ configuration: KeystoneConfiguration) throws(InvalidValue) {
        self.configuration = configuration
        http = try IdentityHTTP(timeout: configuration.timeout, caFile: configuration.caFile)
    }

    private var tokens: String { configuration.root + "/auth/tokens" }
    private var name: String { "Keystone at \(configuration.root)" }

    /// A new token of our own.
    /// - Parameter withCatalog: asks for the service catalogue, which can be long.
    /// - Throws: `IdentityError`, `CancellationError`
    package func logIn(withCatalog: Bool = false) async throws -> Session {
        let answer = try await http.send(
            .POST, tokens + (withCatalog ? "" : "?nocatalog"), json: try KeystoneLogin.body(configuration.credentials),
            to: name)
        switch answer.status {
        case 201: break
        case 401:
            throw IdentityError.misconfigured(
                "\(name) refuses our own user or its password (401); correct the credentials, and see that the user "
                    + "is enabled and has a role in its project")
        case 400, 403, 404:
            throw IdentityError.misconfigured(
                "\(name) does not let us log in (\(answer.status)); see that the URL is that of Keystone, and that "
                    + "user and project exist")
        default: throw IdentityError.unavailable("\(name) answers \(answer.status) when we log in")
        }
        guard let token = answer.headers.first(name: "X-Subject-Token"), Self.isWellFormed(token) else {
            throw IdentityError.unavailable("\(name) answers without a token when we log in: is it a Keystone?")
        }
        let document = try document(answer.body)
        return Session(token: token, principal: try principal(document), catalog: document.token.catalog ?? [])
    }

    /// Asks whom a token belongs to.
    /// - Throws: `IdentityError`, `CancellationError`
    func validate(_ token: String, as session: Session) async throws -> Validation {
        let answer = try await http.send(
            .GET, tokens + "?nocatalog", [("X-Auth-Token", session.token), ("X-Subject-Token", token)], to: name)
        switch answer.status {
        case 200: return .valid(try principal(try document(answer.body)))
        case 404: return .notValid
        case 401: return .notKnown
        case 403:
            throw IdentityError.misconfigured(
                "\(name) does not let our user check other users' tokens (403); give it the role 'service' in its "
                    + "project")
        default: throw IdentityError.unavailable("\(name) answers \(answer.status) when asked about a token")
        }
    }

    private func document(_ body: Data) throws -> TokenDocument {
        do { return try TokenDocument(body) } catch {
            // Not the error's own words: they may quote what was read.
            throw IdentityError.unavailable("\(name) answers what is no token's description: is it a Keystone?")
        }
    }

    private func principal(_ document: TokenDocument) throws -> Principal {
        do { return try document.principal } catch {
            throw IdentityError.unavailable("\(name) tells an end of a token that is no time")
        }
    }

    /// Whether it may be a token, and can be put into a header.
    static func isWellFormed(_ token: String) -> Bool {
        (1...maxTokenBytes).contains(token.utf8.count) && token.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
    }

    private static let maxTokenBytes = 8 << 10
}

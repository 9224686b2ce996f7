import Crypto
import Foundation
package import ImportModel
package import Logging
import Synchronization

/// Asks Keystone whom tokens belong to, and remembers it for a while.
///
/// A token is remembered by its digest, never longer than `cacheTime` and never beyond its own end; so long at most one
/// that was revoked goes on working. Those who bring the same token at the same time share one call.
package final class KeystoneVerifier: TokenVerifier {
    private struct Own {
        var session: KeystoneClient.Session?
        /// Why there is none, and until when that is not tried again: a wrong password must not lock the account.
        var failure: (error: IdentityError, until: ContinuousClock.Instant)?
    }

    private typealias Key = SHA256.Digest

    private let configuration: KeystoneConfiguration
    private let client: KeystoneClient
    private let logger: Logger
    private let known = Mutex(TimedCache<Key, Principal>(capacity: 10_000))
    private let refused = Mutex(TimedCache<Key, Bool>(capacity: 1000))
    private let own = Mutex(Own())
    private let questions = SingleFlight<Key, Principal?>(limit: 1000)
    private let logins = SingleFlight<Int, KeystoneClient.Session>(limit: 1)

    /// How long a token that is not valid is not asked about again.
    private static let refusalTime: Duration = .seconds(5)
    /// How long nothing is tried after our own credentials were refused.
    private static let pause: Duration = .seconds(10)

    /// - Throws: what is wrong with the configuration.
    package init(_ configuration: KeystoneConfiguration, logger: Logger) throws(InvalidValue) {
        self.configuration = configuration
        self.logger = logger
        client = try KeystoneClient(configuration)
    }

    package var challenge: String {
        // Whatever is in the URL, the header must stay one.
        let url = KeystoneConfiguration.root(configuration.publicURL ?? configuration.authURL)
        return "Keystone uri=\"\(url.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline })\""
    }

    package func principal(of token: String) async throws -> Principal? {
        guard KeystoneClient.isWellFormed(token) else { return nil }
        let key = SHA256.hash(data: Data(token.utf8))
        if let principal = known.withLock({ $0.value(for: key, at: .now) }) { return principal }
        if refused.withLock({ $0.value(for: key, at: .now) }) != nil { return nil }
        do {
            return try await questions.value(for: key) {
                let principal = try await ask(token)
                remember(principal, for: key)
                return principal
            }
        } catch is TooManyFlights {
            throw IdentityError.unavailable("too many tokens wait for Keystone already")
        }
    }

    package func check() async throws -> String {
        let session = try await session()
        let name = "Keystone at \(configuration.root)"
        guard case .valid(let principal) = try await client.validate(session.token, as: session) else {
            throw IdentityError.misconfigured("\(name) does not know the token that it has just given to us")
        }
        guard !principal.roles.isDisjoint(with: ["service", "admin"]) else {
            throw IdentityError.misconfigured(
                "\(name) knows our user, but that has neither the role 'service' nor 'admin', and may not check other "
                    + "users' tokens; give it 'service' in its project")
        }
        return "\(name) lets us check tokens"
    }

    private func ask(_ token: String) async throws -> Principal? {
        for _ in 0..<2 {
            let session = try await session()
            switch try await client.validate(token, as: session) {
            case .valid(let principal): return principal.expiresAt > Date() ? principal : nil
            case .notValid: return nil
            case .notKnown: forget(session)
            }
        }
        throw IdentityError.misconfigured(
            "Keystone at \(configuration.root) does not know the token that it has just given to us")
    }

    private func remember(_ principal: Principal?, for key: Key) {
        let now = ContinuousClock.now
        guard let principal else {
            return refused.withLock { $0.insert(true, for: key, until: now + Self.refusalTime) }
        }
        let left = Duration.seconds(principal.expiresAt.timeIntervalSinceNow)
        let time = min(configuration.cacheTime, left)
        guard time > .zero else { return }
        known.withLock { $0.insert(principal, for: key, until: now + time) }
    }

    /// Our own token, and a new one well before that ends.
    private func session() async throws -> KeystoneClient.Session {
        let (session, failure) = own.withLock { ($0.session, $0.failure) }
        if let session, !Self.isWorn(session) { return session }
        if let failure, failure.until > .now { throw failure.error }
        return try await logins.value(for: 0) {
            do {
                let new = try await client.logIn()
                own.withLock { $0 = Own(session: new) }
                return new
            } catch let error as IdentityError {
                if case .misconfigured = error {
                    own.withLock { $0.failure = (error, .now + Self.pause) }
                    logger.error("no token can be checked", metadata: ["cause": "\(error)"])
                }
                throw error
            }
        }
    }

    private static func isWorn(_ session: KeystoneClient.Session) -> Bool {
        let life = session.principal.expiresAt.timeIntervalSince(session.since)
        return session.principal.expiresAt.timeIntervalSinceNow < min(60, life / 4)
    }

    /// Unless another has taken its place already.
    private func forget(_ session: KeystoneClient.Session) {
        own.withLock { own in
            if own.session?.token == session.token { own.session = nil }
        }
    }
}

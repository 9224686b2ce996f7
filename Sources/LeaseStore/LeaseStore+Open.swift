import ImportModel
import RedisClient

/// What a Redis must be, to be trusted with leases; `docs/operations.md` has the reasons.
package struct ServerFinding: Hashable, Sendable {
    package enum Severity: Hashable, Sendable {
        /// No process may start with this.
        case fatal
        /// Acknowledged work may be lost with the server's machine; allowed only on request.
        case unsafe
        /// Worth knowing: a check that could not be made.
        case note
    }

    package var severity: Severity
    /// What was found, and what to set.
    package var text: String
}

extension LeaseStore {
    /// Opens the catalog, or begins one. Returns its id. One of the schema before is taken over, which takes a while
    /// where it has many images.
    /// - Throws: `LeaseStoreError.malformed` when another version's keys are there.
    package func openCatalog() async throws -> String {
        let reply = try await call(
            Scripts.catalogOpen,
            [Self.schemaVersion, Nonce.mint().rawValue, settings.retention.argument], isDurable: true)
        switch reply.word {
        case "open":
            if try reply.optionalString(2) != nil { try await fillIndexes() }
            return try reply.string(0)
        case "other-schema": throw otherSchema(try reply.string(0))
        default: throw reply.unknown
        }
    }

    /// Puts all images into the indexes of lists.
    private func fillIndexes() async throws {
        var cursor: String?
        repeat {
            let scan = try await scanImages(after: cursor, atMost: 250)
            let isLast = scan.next == nil
            let reply = try await call(
                Scripts.catalogIndex, [isLast ? "1" : ""] + scan.ids.map(\.rawValue), isDurable: isLast)
            guard reply.word == "indexed" else { throw reply.unknown }
            cursor = scan.next
            try Task.checkCancellation()
        } while cursor != nil
    }

    /// Makes sure that there is a catalog, of this version's schema. Begins none, and changes nothing.
    /// - Throws: `LeaseStoreError.malformed` unless there is.
    package func expectCatalog() async throws {
        let reply = try await read([RedisCommand("HGET", keys.control, "schema_version")])
        guard let schema = reply.first?.string else {
            throw LeaseStoreError.malformed(
                reason: "there is no catalog under \(keys.tag); check redis.url and redis.prefix, or start a process")
        }
        if schema != Self.schemaVersion { throw otherSchema(schema) }
    }

    private func otherSchema(_ schema: String) -> LeaseStoreError {
        let what = "the keys under \(keys.tag) have the schema \(schema), this version uses \(Self.schemaVersion); "
        return .malformed(
            reason: what
                + (schema == "1"
                    ? "start an API or a worker of this version, which takes them over"
                    : "run matching versions, or give this one a prefix of its own"))
    }

    /// Looks at the server's settings. An empty answer means that it can be trusted.
    /// - Throws: `LeaseStoreError.unavailable` while it loads its data, when nothing can be said yet.
    package func examineServer() async throws -> [ServerFinding] {
        // With INFO alone a process needs no right to read the configuration, which holds the passwords.
        let info = Self.parse(try await read([RedisCommand("INFO")]).first?.string ?? "")
        // Until everything is loaded Redis keeps its append-only file closed, and tells that as if there were none.
        if info["loading"] == "1" {
            throw LeaseStoreError.unavailable(reason: "Redis loads its data after a start: try again")
        }
        var findings: [ServerFinding] = []
        func add(_ severity: ServerFinding.Severity, _ text: String) {
            findings.append(ServerFinding(severity: severity, text: text))
        }
        let version = info["redis_version"] ?? "0"
        if (version.split(separator: ".").first.flatMap { Int($0) } ?? 0) < 7 {
            add(.fatal, "Redis \(version) is too old: 7.0 or newer is needed")
        }
        if let role = info["role"], role != "master" {
            add(.fatal, "this Redis is a replica: point redis.url at the primary")
        }
        if let policy = info["maxmemory_policy"], policy != "noeviction" {
            add(.fatal, "maxmemory-policy is \(policy), which may drop locks: CONFIG SET maxmemory-policy noeviction")
        }
        if info["aof_enabled"] == "0" {
            add(.unsafe, "appendonly is off, so a crash of Redis loses imports: CONFIG SET appendonly yes")
        } else {
            let fsync = try? await read([RedisCommand("CONFIG", "GET", "appendfsync")]).first?.hash()?["appendfsync"]
            switch fsync {
            case "always": break
            case let policy?:
                add(
                    .unsafe,
                    "appendfsync is \(policy), so a power cut loses what was acknowledged last: "
                        + "CONFIG SET appendfsync always")
            case nil:
                add(.note, "appendfsync could not be read (no right to CONFIG GET): make sure that it is 'always'")
            }
        }
        return findings
    }

    private static func parse(_ info: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        return values
    }

    /// Asks Redis for a sign of life.
    package func ping() async throws {
        _ = try await read([RedisCommand("PING")])
    }
}

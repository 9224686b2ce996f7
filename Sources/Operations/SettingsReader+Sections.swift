import Foundation
import ImportModel

/// The sections whose settings must agree with each other.
extension SettingsReader {
    mutating func redis() -> Settings.Redis {
        let url = self.url(.redisURL) ?? ""
        let username = text(.redisUsername)
        let password = secret(.redisPassword, orFile: .redisPasswordFile)
        let certificate = file(.redisCertificateFile)
        let key = file(.redisKeyFile)
        if (certificate == nil) != (key == nil) {
            complain(
                certificate == nil ? .redisCertificateFile : .redisKeyFile, nil,
                "is missing: a client certificate and its key go together",
                "set both redis.certificate-file and redis.key-file, or neither")
        }
        let prefix = find(.redisPrefix)
        if StoreID(rawValue: prefix?.text ?? "") == nil {
            complain(.redisPrefix, prefix, "is no prefix", "write 1 to 64 of a-z A-Z 0-9 _ . -")
        }
        return Settings.Redis(
            url: url, username: username, password: password, caFile: file(.redisCAFile), certificateFile: certificate,
            keyFile: key, serverName: text(.redisServerName), prefix: prefix?.text ?? "",
            replicas: count(.redisReplicas), allowUnsafe: flag(.redisAllowUnsafe))
    }

    mutating func api() -> Settings.API {
        let found = find(.apiHost)
        let hosts = Self.items(of: found)
        let port = count(.apiPort)
        let endpoint = url(.apiPublicEndpoint).map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        let identity = choice(.apiIdentity)
        if hosts.isEmpty {
            complain(.apiHost, found, "is empty", "write an address, such as 127.0.0.1")
        } else if identity == "none", !hosts.allSatisfy(Self.isLoopback) {
            complain(
                .apiHost, found,
                "with api.identity none every request is an administrator's, so the API may not be reached from outside",
                "listen on 127.0.0.1, ::1 or localhost, and set api.identity to keystone")
        }
        let certificate = file(.apiCertificateFile)
        let key = file(.apiKeyFile)
        if (certificate == nil) != (key == nil) {
            complain(
                certificate == nil ? .apiCertificateFile : .apiKeyFile, nil,
                "is missing: a certificate and its key go together",
                "set both api.certificate-file and api.key-file, or neither")
        }
        return Settings.API(
            hosts: hosts, port: port, publicEndpoint: endpoint, certificateFile: certificate, keyFile: key,
            corsOrigins: corsOrigins(identity), rateLimit: count(.apiRateLimit), rateBurst: count(.apiRateBurst),
            identity: identity, policy: policy(.apiPolicy), maxUploadBytes: size(.apiMaxUploadBytes),
            maxDownloads: count(.apiMaxDownloads), clientTimeout: duration(.apiClientTimeout),
            drainTimeout: duration(.apiDrainTimeout))
    }

    private mutating func corsOrigins(_ identity: String) -> [String] {
        guard let found = find(.apiCORSOrigins) else { return [] }
        let origins = Self.items(of: found)
        for origin in origins {
            let written = Found(text: origin, origin: found.origin)
            if origin == "*" {
                guard identity == "none" else { continue }
                complain(
                    .apiCORSOrigins, written,
                    "would let every page that a user of this machine looks at be an administrator",
                    "name the origins, or set api.identity to keystone")
            } else if !Self.isOrigin(origin) {
                complain(
                    .apiCORSOrigins, written, "is no origin as browsers send it",
                    "write https://host or https://host:port, in small letters and without a path")
            }
        }
        return origins
    }

    private static func isOrigin(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme, ["http", "https"].contains(scheme),
            let host = parts.encodedHost, !host.isEmpty
        else { return false }
        let port = parts.port.map { ":\($0)" } ?? ""
        return text == "\(scheme)://\(host)\(port)" && text == text.lowercased()
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
    }

    mutating func lease() -> LeaseSettings {
        var lease = LeaseSettings()
        lease.lease = duration(.leaseDuration)
        lease.beat = duration(.leaseBeat)
        lease.margin = duration(.leaseMargin)
        lease.stealAfter = duration(.leaseStealAfter)
        lease.pendingStealAfter = duration(.leasePendingStealAfter, zero: true)
        lease.maxAttempts = count(.leaseMaxAttempts)
        lease.deadline = duration(.leaseDeadline)
        lease.retention = duration(.leaseRetention)
        lease.garbageGrace = duration(.leaseGarbageGrace, zero: true)
        // Stand-ins for values that were refused already would only give a second, misleading finding.
        guard !problems.contains(where: { $0.key.hasPrefix("lease.") }) else { return lease }
        do throws(InvalidValue) {
            try lease.validate()
        } catch {
            add([
                SettingsProblem(
                    key: "lease", value: nil, origin: "the settings under lease together", finding: error.message,
                    remedy: "leave them at their defaults, or scale them alike")
            ])
        }
        return lease
    }

    mutating func retry() -> RetryPolicy {
        let base = duration(.retryBase)
        let cap = find(.retryCap)
        let policy = RetryPolicy(base: base, cap: cap.flatMap { DurationText.parse($0.text) } ?? .zero)
        if policy.cap < base {
            complain(.retryCap, cap, "is no duration of at least retry.base", "write one such as 5m")
        }
        return policy
    }

    mutating func imports() -> Settings.Imports {
        let plugins = plugins()
        return Settings.Imports(
            methods: methods(.importMethods), requireFormatMatch: flag(.importRequireFormatMatch),
            checkpointBytes: size(.importCheckpointSize, mayBeNone: true),
            keyrings: keyrings(.importKeyrings),
            plugins: plugins, injection: injection(plugins),
            decompressMaxRatio: count(.importDecompressMaxRatio),
            decompressMaxMemoryBytes: size(.importDecompressMaxMemory),
            decompressMaxTime: duration(.importDecompressMaxTime), conversion: conversion(plugins))
    }

    mutating func stagingStore(among stores: [StoreSettings]) -> StoreID? {
        let usual = stores.first(where: \.isDefault)?.id
        guard let found = find(.stagingStore) else { return usual }
        let open = stores.filter { !$0.isReadOnly }
        if let store = open.first(where: { $0.id.rawValue == found.text }) { return store.id }
        let ids = open.map(\.id.rawValue).joined(separator: ", ")
        complain(
            .stagingStore, found, "is not the id of a configured store that can be written to",
            ids.isEmpty ? "configure stores, or leave it out" : "write one of \(ids)")
        return usual
    }
}

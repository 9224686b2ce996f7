import Foundation

extension RedisConfiguration {
    /// Reads `redis://[user[:password]@]host[:port][/db]`, `rediss://…`, and `unix:///path[?db=N]` (also `redis+unix:`).
    ///
    /// User and password are percent-decoded. As everywhere with Redis, `redis://:password@host` has no user.
    /// - Throws: `RedisConfigurationError`, whose text never holds the URL.
    package init(url: String) throws(RedisConfigurationError) {
        guard let parts = URLComponents(string: url, encodingInvalidCharacters: false) else {
            throw .url(reason: "cannot be read: characters such as #, / or % in a password must be percent-encoded")
        }
        guard parts.fragment == nil else {
            throw .url(reason: "has a fragment: a # in a password must be written %23")
        }
        switch parts.scheme?.lowercased() {
        case "redis", "rediss":
            self.init(endpoint: try Self.tcpEndpoint(parts))
            database = try Self.databaseNumber(parts.path.isEmpty ? "0" : String(parts.path.dropFirst()))
            if parts.scheme?.lowercased() == "rediss" { tls = TLS() }
            if let item = parts.queryItems?.first {
                throw .url(reason: "has the parameter \(item.name), which is not known")
            }
        case "unix", "redis+unix":
            guard parts.host ?? "" == "", parts.port == nil, parts.path.count > 1 else {
                throw .url(reason: "must hold an absolute path to the socket, after three slashes")
            }
            self.init(endpoint: .unixSocket(path: parts.path))
            for item in parts.queryItems ?? [] {
                guard item.name == "db" else {
                    throw .url(reason: "has the parameter \(item.name), which is not known")
                }
                database = try Self.databaseNumber(item.value ?? "")
            }
        case let scheme?:
            throw .url(reason: "has the scheme \(scheme), which is not known")
        case nil:
            throw .url(reason: "has no scheme")
        }
        if let user = parts.user, !user.isEmpty { username = user }
        if let secret = parts.password, !secret.isEmpty { password = secret }
        if username != nil, password == nil {
            throw .url(reason: "names a user without a password")
        }
    }

    private static func tcpEndpoint(_ parts: URLComponents) throws(RedisConfigurationError) -> Endpoint {
        guard var host = parts.host, !host.isEmpty else { throw .url(reason: "has no host") }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let port = parts.port ?? 6379
        guard (1...65535).contains(port) else { throw .url(reason: "has the port \(port), which is out of range") }
        return .tcp(host: host, port: port)
    }

    private static func databaseNumber(_ text: String) throws(RedisConfigurationError) -> Int {
        if text.isEmpty { return 0 }
        guard let number = Int(text), number >= 0 else {
            throw .url(reason: "has the database \"\(text)\", which is not a number from 0 up")
        }
        return number
    }
}

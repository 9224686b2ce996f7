/// Where Redis is, who asks, and how long to wait for it.
package struct RedisConfiguration: Sendable {
    package enum Endpoint: Sendable, Hashable {
        case unixSocket(path: String)
        case tcp(host: String, port: Int)
    }

    /// TLS with full verification of the server; each file is PEM.
    package struct TLS: Sendable, Hashable {
        /// Certificates of the authorities to trust; nil trusts those of the system.
        package var caFile: String?
        /// The client's certificate chain; needs `keyFile`.
        package var certificateFile: String?
        /// The client's private key; needs `certificateFile`.
        package var keyFile: String?
        /// The name that the server's certificate must be for; nil takes the host of the endpoint. NIOSSL also takes
        /// a certificate that is for the address of the connection.
        package var serverName: String?

        package init(
            caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil
        ) {
            self.caFile = caFile
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.serverName = serverName
        }
    }

    package var endpoint: Endpoint
    package var username: String?
    package var password: String?
    package var database = 0
    package var tls: TLS?
    /// Bounds one attempt to connect, and how long a command waits for a connection before it fails as not sent.
    package var connectTimeout = Duration.seconds(5)
    /// Bounds the time from handing a command to a connection to its reply.
    package var commandTimeout = Duration.seconds(5)
    /// Connections that ordinary commands share; at least 1.
    package var connections = 2
    /// Connections of their own for blocking reads and exclusive use, at the same time; at least 1.
    package var maxBlockingConnections = 64
    /// A connection that brings a longer reply is closed; at most 1 GiB.
    package var maxReplyBytes = 64 << 20

    package init(
        endpoint: Endpoint, username: String? = nil, password: String? = nil, database: Int = 0, tls: TLS? = nil
    ) {
        self.endpoint = endpoint
        self.username = username
        self.password = password
        self.database = database
        self.tls = tls
    }
}

extension RedisConfiguration.Endpoint: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unixSocket(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Fit for logs: says that there is a password, never which.
    package var description: String {
        var text = "\(endpoint) database \(database)"
        if let username { text += " user \(username)" }
        if password != nil { text += " with password" }
        if tls != nil { text += " over TLS" }
        return text
    }

    package var debugDescription: String { description }

    /// `dump` and failure messages of tests print what a mirror shows.
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// What is wrong with the configuration of the connection to Redis.
package enum RedisConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The text never holds the URL itself, which may hold a password.
    case url(reason: String)
    case tls(reason: String)

    package var description: String {
        switch self {
        case .url(let reason):
            "the Redis URL \(reason); write it as redis://[user[:password]@]host[:port][/database], "
                + "rediss://… for TLS, or unix:///path[?db=N]"
        case .tls(let reason): "the TLS settings for Redis do not work: \(reason)"
        }
    }
}

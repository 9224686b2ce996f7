/// An error that Redis answered with.
package struct RedisServerError: Error, Equatable, Sendable {
    package enum Code: Sendable, Hashable {
        case noscript, readonly, loading, oom, misconf, busy, moved, ask, tryagain, clusterdown, noauth, wrongpass
        case noperm, masterdown, noreplicas, execabort
        /// The first word of the message, for the many that need no case of their own: `ERR`, `WRONGTYPE`, …
        case other(String)
    }

    package let code: Code
    /// The whole text of the server, code included.
    package let message: String

    package init(message: String) {
        self.message = message
        code = Code(word: String(message.prefix { $0 != " " }))
    }

    /// The same command may succeed later without a change of it: the server starts, is busy or full, or fails over.
    package var isTransient: Bool {
        switch code {
        case .loading, .busy, .readonly, .masterdown, .noreplicas, .oom, .misconf, .clusterdown, .tryagain: true
        case .noscript, .moved, .ask, .noauth, .wrongpass, .noperm, .execabort, .other: false
        }
    }
}

extension RedisServerError: CustomStringConvertible {
    package var description: String { advice.map { "\(message) (\($0))" } ?? message }

    private var advice: String? {
        switch code {
        case .readonly: "this is a replica: point the address at the primary; the connection is made anew"
        case .loading: "Redis loads its data after a start: try again"
        case .oom: "Redis is at its maxmemory: raise it, or free memory"
        case .misconf: "Redis cannot save to its disk: look into its log and at the free space"
        case .busy: "a script runs for too long in Redis: try again, or end it with SCRIPT KILL"
        case .moved, .ask: "this node of a cluster does not hold the key: use a primary that is not clustered"
        case .clusterdown, .tryagain: "the Redis cluster is not able to serve this key: try again"
        case .noauth: "set the password of Redis"
        case .wrongpass: "correct the user name or the password of Redis"
        case .noperm: "the user of Redis needs the right for this command and key: see ACL SETUSER"
        case .masterdown: "the replica has lost its primary: try again after the failover"
        case .noreplicas: "too few replicas are in step: see min-replicas-to-write"
        case .noscript, .execabort, .other: nil
        }
    }
}

extension RedisServerError.Code {
    init(word: String) {
        self =
            switch word {
            case "NOSCRIPT": .noscript
            case "READONLY": .readonly
            case "LOADING": .loading
            case "OOM": .oom
            case "MISCONF": .misconf
            case "BUSY": .busy
            case "MOVED": .moved
            case "ASK": .ask
            case "TRYAGAIN": .tryagain
            case "CLUSTERDOWN": .clusterdown
            case "NOAUTH": .noauth
            case "WRONGPASS": .wrongpass
            case "NOPERM": .noperm
            case "MASTERDOWN": .masterdown
            case "NOREPLICAS": .noreplicas
            case "EXECABORT": .execabort
            default: .other(word)
            }
    }
}

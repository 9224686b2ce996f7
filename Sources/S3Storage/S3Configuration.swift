package import ImportModel

/// Where an S3 store is, and how it is to be spoken to.
package struct S3Configuration: Sendable {
    /// `https://host` or `https://host:port`; `http` for a service on a network that is trusted.
    package var endpoint: String
    package var bucket: String
    /// All keys of the store begin with it and a slash; empty for none.
    package var prefix = ""
    package var region = "us-east-1"
    /// `https://host/bucket/key` instead of `https://bucket.host/key`.
    package var usesPathStyle = false
    package var credentials: S3CredentialSource
    /// PEM certificates to trust for TLS; `nil` for those of the system.
    package var caFile: String?
    /// The least size of a part of a multipart upload; objects up to it are written by one request.
    package var partBytes: Int64 = 6 << 20
    /// What the service is asked to copy at once, at most: it takes its time, and nobody waits for an answer for ever.
    package var copyBytes: Int64 = 256 << 20
    /// How many parts of one object may be in memory: being sent, or being filled.
    package var parallelParts = 2
    /// What all writers together may hold in parts, beyond `partBytes` each; see `PartBudget`.
    package var budgetBytes: Int64 = 256 << 20
    /// The waits between the tries of one request.
    package var retry = RetryPolicy(base: .milliseconds(200), cap: .seconds(10))
    /// How often a request is sent before its failure counts.
    package var tries = 5
    /// How long a service may stay silent, or take no byte.
    package var idleTimeout: Duration = .seconds(60)
    /// How long an answer may be waited for beyond what its bytes take at `S3Pace.leastBytesPerSecond`.
    package var answerTimeout: Duration = .seconds(120)
    package var connectTimeout: Duration = .seconds(10)
    /// Names that are not looked up: what is dialled instead.
    package var addresses: [String: String] = [:]

    package init(endpoint: String, bucket: String, credentials: S3CredentialSource) {
        self.endpoint = endpoint
        self.bucket = bucket
        self.credentials = credentials
    }

    /// The smallest part that S3 takes anywhere but at the end.
    package static let leastPartBytes: Int64 = 5 << 20
    /// The largest part that S3 takes.
    package static let largestPartBytes: Int64 = 5 << 30
}

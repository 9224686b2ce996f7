import Foundation

/// A bucket of a service that speaks S3, as configured.
package struct S3Place: Hashable, Sendable {
    package enum Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        case keys(id: String, secret: String, token: String?)
        case file(path: String, profile: String)
        /// The `AWS_` variables of the process.
        case environment

        package var description: String { "***" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    package internal(set) var endpoint: String
    package internal(set) var bucket: String
    package internal(set) var prefix: String
    package internal(set) var region: String
    package internal(set) var usesPathStyle: Bool
    package internal(set) var credentials: Credentials
    package internal(set) var caFile: String?
    package internal(set) var partBytes: Int64
    package internal(set) var parallelParts: Int
    package internal(set) var partsMemoryBytes: Int64

    static let secrets: Set = ["secret-access-key", "session-token"]
    /// What a store of this type may have in the file beyond what every store has.
    static let keys = [
        "endpoint", "bucket", "prefix", "region", "path-style", "access-key-id", "secret-access-key", "session-token",
        "credentials-file", "profile", "ca-file", "part-size", "parallel-parts", "parts-memory",
    ]
    /// What the compact form may have as a query: nothing that others may not see.
    private static let queryKeys: Set = [
        "region", "path-style", "credentials-file", "profile", "ca-file", "part-size", "parallel-parts", "parts-memory",
    ]

    /// What two stores must not share.
    var address: String { "\(endpoint)/\(bucket)/\(prefix)" }

    /// `https://endpoint/bucket/prefix?region=…`, without credentials and defaults.
    var compactText: String {
        var query: [String] = []
        if region != Self.usualRegion { query.append("region=\(region)") }
        if usesPathStyle { query.append("path-style=true") }
        return [endpoint, bucket, prefix].filter { !$0.isEmpty }.joined(separator: "/")
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// The values that a URL of the compact form holds by key; `nil` if it is none.
    static func values(ofURL text: String) -> [String: String]? {
        guard let url = URLComponents(string: text), let scheme = url.scheme, let host = url.host, url.user == nil,
            url.fragment == nil
        else { return nil }
        let path = url.path.split(separator: "/", maxSplits: 1)
        var values = ["endpoint": "\(scheme)://\(host)" + (url.port.map { ":\($0)" } ?? "")]
        values["bucket"] = path.first.map(String.init)
        values["prefix"] = path.count > 1 ? String(path[1]) : nil
        for item in url.queryItems ?? [] {
            guard queryKeys.contains(item.name), values[item.name] == nil else { return nil }
            values[item.name] = item.value ?? ""
        }
        return values
    }

    /// - Parameter complain: is told of each key that cannot be used, and what would do.
    init?(_ values: [String: String], _ complain: (_ key: String, _ finding: String, _ remedy: String) -> Void) {
        var isUsable = true
        func refuse(_ key: String, _ finding: String, _ remedy: String) {
            isUsable = false
            complain(key, values[key] == nil ? "is missing" : finding, remedy)
        }
        endpoint = (values["endpoint"] ?? "").trimmingCharacters(in: ["/"])
        let url = URLComponents(string: endpoint)
        if !["http", "https"].contains(url?.scheme) || (url?.host ?? "").isEmpty || url?.user != nil || url?.path != ""
        {
            refuse("endpoint", "is no address of a service", "write https://host or https://host:port")
        }
        bucket = values["bucket"] ?? ""
        if bucket.isEmpty || bucket.contains("/") {
            refuse("bucket", "is no name of a bucket", "write the bucket's name alone, and what follows it as prefix")
        }
        prefix = (values["prefix"] ?? "").trimmingCharacters(in: ["/"])
        region = values["region"] ?? Self.usualRegion
        if region.isEmpty { refuse("region", "is empty", "write the region of the bucket, or leave it out") }
        usesPathStyle = false
        switch values["path-style"].map({ FlagText.parse($0) }) {
        case .some(nil): refuse("path-style", "is neither true nor false", "write true or false")
        case .some(let flag?): usesPathStyle = flag
        case nil: break
        }
        caFile = values["ca-file"]
        if let caFile, !caFile.hasPrefix("/") {
            refuse("ca-file", "is no absolute path", "write the path from the root")
        }
        partBytes = values["part-size"].map { SizeText.parse($0) ?? 0 } ?? 6 << 20
        if !(5 << 20...5 << 30).contains(partBytes) {
            refuse("part-size", "is no size of a part", "write 5MiB to 5GiB, such as 8MiB")
        }
        parallelParts = values["parallel-parts"].map { Int($0) ?? 0 } ?? 2
        if !(1...64).contains(parallelParts) {
            refuse("parallel-parts", "is no number of parts", "write 1 to 64")
        }
        partsMemoryBytes = values["parts-memory"].map { SizeText.parse($0) ?? 0 } ?? 256 << 20
        if !(1 << 20...1 << 40).contains(partsMemoryBytes) {
            refuse("parts-memory", "is no size of the memory for parts", "write 1MiB to 1TiB, such as 256MiB")
        }
        credentials = .environment
        switch (values["access-key-id"], values["secret-access-key"], values["credentials-file"]) {
        case (let id?, let secret?, nil): credentials = .keys(id: id, secret: secret, token: values["session-token"])
        case (nil, nil, let path?):
            credentials = .file(path: path, profile: values["profile"] ?? "default")
            if !path.hasPrefix("/") {
                refuse("credentials-file", "is no absolute path", "write the path from the root")
            }
        case (nil, nil, nil):
            if values["session-token"] != nil { refuse("access-key-id", "", "write it, or leave session-token out") }
        case (_, _, .some):
            refuse("credentials-file", "stands beside keys", "write either keys or a file")
        case (nil, .some, nil): refuse("access-key-id", "", "write it beside secret-access-key")
        case (.some, nil, nil): refuse("secret-access-key", "", "write it beside access-key-id")
        }
        guard isUsable else { return nil }
    }

    private static let usualRegion = "us-east-1"
}

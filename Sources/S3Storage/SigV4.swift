import Foundation
import Glibc

/// Signs requests with AWS Signature Version 4, in the header `Authorization`.
struct SigV4: Sendable {
    let credentials: S3Credentials
    let region: String
    var service = "s3"

    /// The value of `Authorization` for a request that is sent exactly so.
    ///
    /// - Parameters:
    ///   - path: percent-encoded, as sent.
    ///   - query: names and values, not encoded.
    ///   - headers: all of them are signed; `host` and `x-amz-date` must be there.
    ///   - payloadHash: SHA-256 of the body in hexadecimal.
    func authorization(
        method: String, path: String, query: [(String, String)], headers: [(String, String)], payloadHash: String,
        date: Date
    ) -> String {
        let signed = headers.map { (name: $0.lowercased(), value: Self.trimmed($1)) }.sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let request = [
            method, path, Self.query(query), signed.map { "\($0.name):\($0.value)\n" }.joined(), names, payloadHash,
        ].joined(separator: "\n")
        let time = Self.time(date)
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        let text = ["AWS4-HMAC-SHA256", time, scope, S3Digest.hex(S3Digest.sha256(Array(request.utf8)))]
            .joined(separator: "\n")
        let signature = S3Digest.hex(S3Digest.mac(Array(text.utf8), key: key(day: String(time.prefix(8)))))
        return
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
    }

    /// The query as it is sent and signed.
    static func query(_ query: [(String, String)]) -> String {
        query.map { (S3Text.encode($0), S3Text.encode($1)) }.sorted { $0 < $1 }.map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// `20130524T000000Z`
    static func time(_ date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func pad(_ number: Int32, _ width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return pad(parts.tm_year + 1900, 4) + pad(parts.tm_mon + 1) + pad(parts.tm_mday) + "T" + pad(parts.tm_hour)
            + pad(parts.tm_min) + pad(parts.tm_sec) + "Z"
    }

    private func key(day: String) -> [UInt8] {
        [day, region, service, "aws4_request"].reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) {
            S3Digest.mac(Array($1.utf8), key: $0)
        }
    }

    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }
}

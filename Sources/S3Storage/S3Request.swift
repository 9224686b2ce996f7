import NIOCore
import NIOHTTP1

/// One call of S3, before it is signed.
struct S3Request: Sendable {
    /// The permission that a policy must grant for it, which also names it in errors: `s3:PutObject`.
    let action: String
    let method: HTTPMethod
    /// The key in the bucket; `nil` for the bucket itself.
    var name: String?
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    var body = S3Payload.empty
    /// The element that a success must bring; anything else is no answer.
    var root: String?
    /// How long the answer may take, where that is longer than for most.
    var answerTimeout: Duration = .zero

    /// The call and its object, for people.
    func told(in bucket: String) -> String { "\(action) on \(bucket)/\(name ?? "")" }
}

/// A body that can be sent again, with its digest.
struct S3Payload: Sendable {
    let blocks: [ByteBuffer]
    let count: Int64
    /// SHA-256.
    let digest: [UInt8]
    /// Where it was asked for.
    let md5: [UInt8]?

    static let empty = S3Payload(hashing: [])

    /// Blocks the thread for half a second a gigabyte.
    init(hashing blocks: [ByteBuffer], withMD5: Bool = false) {
        self.blocks = blocks
        count = blocks.reduce(0) { $0 + Int64($1.readableBytes) }
        digest = S3Digest.sha256(blocks)
        md5 = withMD5 ? S3Digest.md5(blocks) : nil
    }

    init(text: String, withMD5: Bool = false) { self.init(hashing: [ByteBuffer(string: text)], withMD5: withMD5) }
}

/// What a service answered to a call that it carried out.
struct S3Answer: Sendable {
    let headers: HTTPHeaders
    let body: ByteBuffer
    /// Where the call asked for it.
    var xml = S3XML.none
    /// How often the call was sent: more than once, an earlier one may have been carried out, too.
    var tries = 1

    var etag: String? { headers.first(name: "etag") }
    var length: Int64? { headers.first(name: "content-length").flatMap { Int64($0) } }
}

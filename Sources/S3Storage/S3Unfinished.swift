import Foundation
import ImageStorage
import ImportModel

/// What has to be known of an upload to go on with it: the note of an `UnfinishedObject`.
struct S3Unfinished: Codable {
    let upload: String
    /// The token of the object that it will be.
    let writer: String
    let partBytes: Int64
    /// Whether each part has to have a checksum in the end.
    let declaresChecksums: Bool
    /// How many parts are there, and the SHA-256 of their tags.
    let parts: Int
    let tags: String

    init(
        upload: String, writer: String, partBytes: Int64, declaresChecksums: Bool, tags: [S3Objects.PartTag]
    ) {
        self.upload = upload
        self.writer = writer
        self.partBytes = partBytes
        self.declaresChecksums = declaresChecksums
        parts = tags.count
        self.tags = Self.digest(tags)
    }

    /// `nil` for what nobody has written here, or not for so many bytes.
    init?(_ note: String, at offset: Int64) {
        // What cannot be read is begun anew, whatever is wrong with it.
        guard note.utf8.count <= 4096,
            let read = try? JSONDecoder().decode(Self.self, from: Data(note.utf8)),
            (1...S3Configuration.largestPartBytes).contains(read.partBytes), (1...10_000).contains(read.parts),
            offset == read.partBytes.multipliedReportingOverflow(by: Int64(read.parts)).partialValue,
            Nonce(rawValue: read.writer) != nil, !read.upload.isEmpty
        else { return nil }
        self = read
    }

    var note: String? { (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } }

    static func digest(_ tags: [S3Objects.PartTag]) -> String {
        S3Digest.hex(S3Digest.sha256(Array(tags.map { S3Imprint.bare($0.etag) }.joined(separator: "\n").utf8)))
    }
}

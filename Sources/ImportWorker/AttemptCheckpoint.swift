import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import WebSource

/// What an attempt leaves to the next one, as Redis keeps it. Nothing of it is trusted when it comes back: what cannot
/// be read, or is of another edition, is begun anew.
struct AttemptCheckpoint: Codable, Sendable {
    private static let edition = 1

    private var edition = AttemptCheckpoint.edition
    var validators: SourceValidators
    /// Where the source was after redirects.
    var place: String
    var stream: StreamCheckpoint

    init(validators: SourceValidators, place: String, stream: StreamCheckpoint) {
        self.validators = validators
        self.place = place
        self.stream = stream
    }

    init?(_ kept: KeptCheckpoint) {
        guard kept.value.utf8.count <= KeptCheckpoint.maxBytes,
            case let parts = kept.value.split(separator: " ", maxSplits: 1), parts.count == 2,
            Self.digest(parts[1]) == parts[0],
            let read = try? JSONDecoder().decode(Self.self, from: Data(parts[1].utf8)),
            read.edition == Self.edition, read.stream.offset > 0, read.validators.allowResuming,
            let total = read.validators.totalBytes, read.stream.offset < total,
            // Nobody is to be led to objects that Redis does not keep for us.
            read.stream.stores.mapValues(\.key) == kept.objects
        else { return nil }
        self = read
    }

    /// `nil` if it is larger than Redis would keep: a disk image may have made the inspector's state so.
    var kept: KeptCheckpoint? {
        get throws {
            let json = String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
            let value = Self.digest(json[...]) + " " + json
            guard value.utf8.count <= KeptCheckpoint.maxBytes else { return nil }
            return KeptCheckpoint(value: value, objects: stream.stores.mapValues(\.key))
        }
    }

    /// What was damaged may still be read, and would give wrong digests.
    private static func digest(_ json: Substring) -> String {
        var digest = StreamDigest(.sha256)
        digest.update(ByteBuffer(substring: json))
        return digest.finalize()
    }

    var position: SourcePosition { SourcePosition(offset: stream.offset, validators: validators, place: place) }
}

import Foundation
package import ImportModel
import RedisClient

package enum ImageUpdateReply: Hashable, Sendable {
    case updated(revision: Int64)
    /// Somebody else changed the image: compute the change again on what it is now.
    case conflict
    case noImage
    /// The formats cannot be changed in this status.
    case wrongStatus(ImageStatus)
}

package enum ImageDeleteReply: Hashable, Sendable {
    case deleted, noImage, protected
}

package enum ImageSwitchReply: Hashable, Sendable {
    case switched, noImage
    /// Only an active or deactivated image can be switched.
    case wrongStatus(ImageStatus)
}

extension LeaseStore {
    /// Adds an image; `nil` when its id was ever used before. Returns the record as it is now.
    package func createImage(_ image: ImageRecord) async throws -> ImageRecord? {
        var arguments: [any RedisArgument] = [image.id.rawValue]
        for (field, value) in image.userFields.sorted(by: { $0.key < $1.key }) {
            arguments.append(field)
            arguments.append(value)
        }
        let reply = try await call(Scripts.imageCreate, arguments, isDurable: true)
        switch reply.word {
        case "created":
            var created = image
            created.status = .queued
            created.createdAtMs = try reply.int(0)
            created.updatedAtMs = created.createdAtMs
            return created
        case "exists": return nil
        default: throw reply.unknown
        }
    }

    /// Writes the fields in which `changed` differs from `image`, if nobody else changed the image meanwhile.
    package func updateImage(_ image: ImageRecord, to changed: ImageRecord) async throws -> ImageUpdateReply {
        let before = image.userFields
        let after = changed.userFields
        let removed = before.keys.filter { after[$0] == nil }.sorted()
        let set = after.filter { $0.value != before[$0.key] }
        var arguments: [any RedisArgument] = [image.id.rawValue, Int(image.revision), removed.count]
        arguments += removed.map { $0 as any RedisArgument }
        for (field, value) in set.sorted(by: { $0.key < $1.key }) {
            arguments.append(field)
            arguments.append(value)
        }
        let reply = try await call(Scripts.imageUpdate, arguments)
        switch reply.word {
        case "updated": return .updated(revision: try reply.int(0))
        case "conflict": return .conflict
        case "no-image": return .noImage
        case "wrong-status": return .wrongStatus(try reply.imageStatus(0))
        default: throw reply.unknown
        }
    }

    /// Removes an image; a task that runs on it ends, its bytes become garbage. Durable once it returns.
    package func deleteImage(_ id: ImageID) async throws -> ImageDeleteReply {
        let reply = try await call(Scripts.imageDelete, [id.rawValue], isDurable: true)
        switch reply.word {
        case "deleted": return .deleted
        case "no-image": return .noImage
        case "protected": return .protected
        default: throw reply.unknown
        }
    }

    /// Takes an active image out of service, or puts it back; nothing changes where it is so already. Durable once it
    /// returns.
    package func switchImage(_ id: ImageID, isActive: Bool) async throws -> ImageSwitchReply {
        let status: ImageStatus = isActive ? .active : .deactivated
        let reply = try await call(Scripts.imageSwitch, [id.rawValue, status.rawValue], isDurable: true)
        switch reply.word {
        case "switched": return .switched
        case "no-image": return .noImage
        case "wrong-status": return .wrongStatus(try reply.imageStatus(0))
        default: throw reply.unknown
        }
    }

    /// One image, or `nil`; one round trip.
    package func image(_ id: ImageID) async throws -> ImageRecord? {
        try await images([id]).first
    }

    /// Where an image's bytes were fetched; `nil` for bytes that came in another way. One round trip.
    package func provenance(of id: ImageID) async throws -> Provenance? {
        try await document(ImageField.provenance, "provenance", of: id)
    }

    /// What the inspection of an image's bytes said; `nil` for one that has none, and for one that does not exist.
    package func verdict(of id: ImageID) async throws -> RecordedVerdict? {
        try await document(ImageField.verdict, "verdict", of: id)
    }

    private func document<Document: Decodable>(
        _ field: String, _ name: String, of id: ImageID
    ) async throws -> Document? {
        let reply = try await read([RedisCommand("HGET", keys.image(id), field)])
        guard let text = reply.first?.string else { return nil }
        do { return try FleetJSON.decode(Document.self, from: Data(text.utf8)) } catch {
            throw LeaseStoreError.malformed(reason: "image \(id) has a \(name) that cannot be read")
        }
    }

    /// The images of these ids that exist, in their order; one round trip.
    package func images(_ ids: [ImageID]) async throws -> [ImageRecord] {
        let replies = try await read(
            ids.flatMap { [RedisCommand("HGETALL", keys.image($0)), RedisCommand("GET", keys.lock($0))] })
        var images: [ImageRecord] = []
        for (index, id) in ids.enumerated() {
            guard let hash = replies[index * 2].hash() else {
                throw LeaseStoreError.malformed(reason: "image \(id) is no hash of texts")
            }
            if let image = try ImageRecord(id: id, hash: hash, lock: replies[index * 2 + 1].string) {
                images.append(image)
            }
        }
        return images
    }

    /// Ids of images by their age.
    /// - Parameters:
    ///   - newestFirst: the order; images of the same millisecond come in the order of their ids.
    ///   - offset: how many to pass over.
    package func imageIDs(newestFirst: Bool, offset: Int, count: Int) async throws -> [ImageID] {
        guard count > 0 else { return [] }
        let range = RedisCommand(
            newestFirst ? "ZREVRANGE" : "ZRANGE", keys.index(.images), offset, offset + count - 1)
        let reply = try await read([range])
        return (reply.first?.array ?? []).compactMap { $0.string.flatMap(ImageID.init(rawValue:)) }
    }

    /// How many images there are.
    package func imageCount() async throws -> Int {
        Int(try await read([RedisCommand("ZCARD", keys.index(.images))]).first?.int ?? 0)
    }
}

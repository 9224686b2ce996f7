package import ImportModel
import RedisClient

/// A part of an index that is to be read.
package struct IndexRange: Sendable {
    package var index: ImageIndex
    package var isDescending: Bool
    /// What comes behind this place; `nil`: from the beginning.
    package var after: IndexPlace?
    /// How many places at most.
    package var count: Int

    package init(_ index: ImageIndex, isDescending: Bool, after: IndexPlace?, count: Int) {
        self.index = index
        self.isDescending = isDescending
        self.after = after
        self.count = count
    }
}

extension LeaseStore {
    /// How many images each set has at most, since one that is in two indexes counts twice; one round trip.
    package func sizes(of sets: [ImageSet]) async throws -> [Int] {
        var commands: [[RedisCommand]] = []
        for set in sets {
            switch set {
            case .union(let indexes): commands.append(indexes.map { RedisCommand("ZCARD", keys.index($0)) })
            case .named(let names): commands.append(names.map { RedisCommand("ZLEXCOUNT", arguments: named($0)) })
            case .ids: commands.append([])
            }
        }
        var replies = try await read(commands.flatMap { $0 })[...]
        return zip(sets, commands).map { set, commands in
            if case .ids(let ids) = set { return ids.count }
            defer { replies = replies.dropFirst(commands.count) }
            return replies.prefix(commands.count).reduce(0) { $0 + Int($1.int ?? 0) }
        }
    }

    /// The images with one of these names.
    package func images(named names: [String]) async throws -> [ImageID] {
        let replies = try await read(names.map { RedisCommand("ZRANGE", arguments: named($0) + ["BYLEX"]) })
        return replies.flatMap { Self.places($0.array ?? [], scores: false).compactMap(\.id) }
    }

    /// Parts of indexes, each in its order. One that is empty is at its end.
    package func places(_ ranges: [IndexRange]) async throws -> [[IndexPlace]] {
        var answers: [[IndexPlace]?] = Array(repeating: nil, count: ranges.count)
        var asked = ranges
        while true {
            let open = ranges.indices.filter { answers[$0] == nil }
            if open.isEmpty { return answers.map { $0 ?? [] } }
            let replies = try await read(open.map { command(asked[$0]) })
            for (index, reply) in zip(open, replies) {
                let range = asked[index]
                let read = Self.places(reply.array ?? [], scores: range.index != .name)
                let behind = read.filter { place in
                    guard let after = range.after else { return true }
                    return range.isDescending ? place.isBefore(after) : after.isBefore(place)
                }
                if behind.isEmpty, read.count >= range.count {
                    // More images than that were made in the same millisecond, and came before.
                    asked[index].count = range.count * 2
                } else {
                    answers[index] = behind
                }
            }
        }
    }

    /// Never a rank: images come and go between two parts.
    private func command(_ range: IndexRange) -> RedisCommand {
        let isByName = range.index == .name
        let start = range.after.map { isByName ? "(" + $0.entry : String($0.score) }
        let (lowest, highest) = isByName ? ("-", "+") : ("-inf", "+inf")
        var arguments: [any RedisArgument] = [
            keys.index(range.index), start ?? (range.isDescending ? highest : lowest),
            range.isDescending ? lowest : highest, isByName ? "BYLEX" : "BYSCORE",
        ]
        if range.isDescending { arguments.append("REV") }
        arguments += ["LIMIT", 0, range.count] as [any RedisArgument]
        if !isByName { arguments.append("WITHSCORES") }
        return RedisCommand("ZRANGE", arguments: arguments)
    }

    /// The key and the bounds of a name's entries.
    private func named(_ name: String) -> [any RedisArgument] {
        let start = IndexPlace.start(ofName: name)
        return [keys.index(.name), "(" + start + "\0\0", "(" + start + "\0\u{1}"]
    }

    private static func places(_ values: [RedisValue], scores: Bool) -> [IndexPlace] {
        if !scores { return values.compactMap { $0.string.map { IndexPlace(score: 0, entry: $0) } } }
        return stride(from: 0, to: values.count - 1, by: 2).compactMap { index in
            guard let entry = values[index].string, let score = values[index + 1].string.flatMap(Double.init) else {
                return nil
            }
            return IndexPlace(score: Int64(score), entry: entry)
        }
    }

    /// Of these images those that exist, in their order, with no more of each than some fields; one round trip.
    /// - Parameter fields: names in `ImageField`.
    package func images(_ ids: [ImageID], fields: [String]) async throws -> [ImageRecord] {
        // Without a status there is no image.
        let fields = [ImageField.status] + fields.filter { $0 != ImageField.status }
        let names = fields.map { $0 as any RedisArgument }
        let replies = try await read(ids.map { RedisCommand("HMGET", arguments: [keys.image($0)] + names) })
        var images: [ImageRecord] = []
        for (id, reply) in zip(ids, replies) {
            guard let values = reply.array, values.count == fields.count else {
                throw LeaseStoreError.malformed(reason: "image \(id) is no hash of texts")
            }
            var hash: [String: String] = [:]
            for (field, value) in zip(fields, values) { hash[field] = value.string }
            if let image = try ImageRecord(id: id, hash: hash, lock: nil) { images.append(image) }
        }
        return images
    }
}

import ImportModel
import RedisClient

/// What a queued import adds to Redis's memory, as a whole and key by key.
struct QueueMemory {
    private static let count = 10_000
    private static let samples = 100

    func measure(at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, _ in
            // Fills what is bounded (events, wake tokens) and what clients keep, before the first look.
            for image in try await catalog.addImages(1100) {
                try await catalog.enqueue(image)
                try await catalog.publish(try await catalog.claim())
            }
            let images = try await catalog.addImages(Self.count)
            let before = try await used(catalog)
            let recordBefore = try await images.prefix(Self.samples).mean { try await size("image:\($0)", catalog) }
            let (liveBefore, tasksBefore) = (try await size("live", catalog), try await queueSize(catalog))
            var tasks: [TaskID] = []
            for image in images { tasks.append(try await catalog.enqueue(image)) }
            let whole = (try await used(catalog) - before) / Double(Self.count)
            let sampled = images.prefix(Self.samples)
            let lock = try await sampled.mean { try await size("image:\($0):lock", catalog) }
            let task = try await tasks.prefix(Self.samples).mean { try await size("task:\($0)", catalog) }
            let history = try await sampled.mean { try await size("image:\($0):tasks", catalog) }
            let record = try await sampled.mean { try await size("image:\($0)", catalog) } - recordBefore
            let live = (try await size("live", catalog) - liveBefore) / Double(Self.count)
            let queue = (try await queueSize(catalog) - tasksBefore) / Double(Self.count)
            let named = lock + task + history + record + live + queue
            return figures([
                ("used_memory, everything", whole, nil), ("  lock and task", lock + task, .atMost(600)),
                ("  lock", lock, nil), ("  task", task, nil), ("  entry in queue:<tenant>", queue, nil),
                ("  entry in live", live, nil), ("  image:<id>:tasks", history, nil),
                ("  growth of the image's record", record, nil), ("  tables of keys, and the rest", whole - named, nil),
            ])
        }
    }

    private func figures(_ parts: [(String, Double, Target?)]) -> [Figure] {
        parts.map { name, bytes, target in
            Figure(
                section: "Redis memory per queued import (\(Self.count) queued, image records not counted)", name: name,
                value: bytes, unit: "bytes", target: target)
        }
    }

    private func used(_ catalog: Catalog) async throws -> Double {
        guard let bytes = Double(try await catalog.info("used_memory")) else { throw BenchError("no used_memory") }
        return bytes
    }

    /// All tenants' queues; there is one tenant here.
    private func queueSize(_ catalog: Catalog) async throws -> Double {
        let keys = try await catalog.redis.send("KEYS", "{\(Catalog.prefix)}:queue:*").array ?? []
        var sum = 0.0
        for key in keys.compactMap(\.string) { sum += try await usage(key, catalog) }
        return sum
    }

    private func size(_ name: String, _ catalog: Catalog) async throws -> Double {
        try await usage("{\(Catalog.prefix)}:\(name)", catalog)
    }

    /// Bytes of a key with all that is in it; 0 where there is none.
    private func usage(_ key: String, _ catalog: Catalog) async throws -> Double {
        Double(try await catalog.redis.send("MEMORY", "USAGE", key, "SAMPLES", 0).int ?? 0)
    }
}

extension Collection {
    fileprivate func mean(_ value: (Element) async throws -> Double) async throws -> Double {
        var sum = 0.0
        for element in self { sum += try await value(element) }
        return sum / Double(Swift.max(count, 1))
    }
}

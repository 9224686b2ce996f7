/// Whole create → claim → publish cycles per second, each step durable before the next one begins.
struct WholeCycles {
    private static let lanes = [16, 64, 256]
    private static let count = 6400

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, _ in
            var figures: [Figure] = []
            for lanes in Self.lanes {
                var passes: [Metered] = []
                for _ in 0..<runs {
                    try await catalog.reset()
                    passes.append(try await pass(catalog, lanes: lanes))
                }
                figures.append(
                    Figure(
                        section: "create, claim and publish, fsync always (the image records exist before)",
                        name: "\(lanes) at a time", value: passes.map(\.rate).median, unit: "cycles/s",
                        redisMicroseconds: passes.map(\.redisMicroseconds).median,
                        clientMicroseconds: passes.map(\.clientMicroseconds).median))
            }
            // The target is for the best one.
            if let best = figures.indices.max(by: { figures[$0].value < figures[$1].value }) {
                figures[best].target = .atLeast(3300)
            }
            return figures
        }
    }

    private func pass(_ catalog: Catalog, lanes: Int) async throws -> Metered {
        let images = try await catalog.addImages(Self.count)
        return try await metered(Self.count, inFlight: lanes, catalog) { index in
            try await catalog.enqueue(images[index])
            // Whichever task is next: each lane has just added one, so there always is one.
            try await catalog.publish(try await catalog.claim())
        }
    }
}

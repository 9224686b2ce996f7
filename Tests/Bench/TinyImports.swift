import Foundation

/// Imports of tiny images per second through the whole thing: the command line, one API process, one worker process,
/// a source on loopback, a store in a folder, everything fsynced.
struct TinyImports {
    let binary: String

    private static let inFlight = 16

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, server in
            let source = try await LargeFile.make(1 << 20, in: place.folder)
            let fleet = try await Processes.start(binary, server, place, inFlight: Self.inFlight)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            var figures: [Figure] = []
            let target = Target.atLeast(100)
            let sizes: [(String, Int, Int, Target?)] = [
                ("500 of 1 KiB", 1 << 10, 500, nil), ("1,000 of 1 MiB", 1 << 20, 1000, target),
            ]
            let idle = try await fleet.idleMemory(source, catalog, store: "main")
            for (label, bytes, count, target) in sizes {
                var rates: [Double] = []
                for run in 0...runs {
                    let urls = Array(repeating: "\(source.url)\(bytes)", count: count)
                    let seconds = try await fleet.importing(urls, catalog, to: [])
                    try fleet.clear()
                    if run > 0 { rates.append(Double(count) / seconds) }  // the first one warms everything up
                }
                figures.append(
                    Figure(
                        section: "imports of tiny images, fsync always, \(Self.inFlight) in flight", name: label,
                        value: rates.median, unit: "imports/s", target: target))
            }
            figures.append(
                try fleet.peak(above: idle, "worker, small images, 16 at once", atMost: 24 * Double(Self.inFlight)))
            try await source.stop()
            return figures
        }
    }
}

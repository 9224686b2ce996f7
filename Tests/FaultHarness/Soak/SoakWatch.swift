import Foundation
import RedisClient
import Synchronization
import TestSupport

/// Watches what must not grow while the fleet is in use, and what must be zero.
final class SoakWatch: Sendable {
    private struct Series {
        var values: [Double] = []
        /// How much more the second half may have than the first: a part of it, and this.
        let slack: Double
        let unit: String
    }

    /// Shorter runs say nothing about a trend.
    private static let shortest = 600

    private let run: FaultRun
    private let fleet: SoakFleet
    private let removed: @Sendable () -> Int
    private let series = Mutex<[String: Series]>([:])
    private let looks = Mutex(Looks())

    /// Looks into Redis: begun, and come to their end.
    private struct Looks {
        var begun = 0
        var done = 0
        var begunDeep = 0
        var doneDeep = 0
    }

    /// - Parameter removed: how many images were deleted; each leaves one key, for ever.
    init(_ run: FaultRun, _ fleet: SoakFleet, removed: @escaping @Sendable () -> Int) {
        self.run = run
        self.fleet = fleet
        self.removed = removed
    }

    /// Looks once a second, until it is cancelled.
    func watch() async {
        var second = 0
        while !Task.isCancelled {
            second += 1
            for (name, pid) in fleet.lasting {
                if let memory = ProcessFigures.memory(pid) { add("memory of the \(name)", memory, 64, "MiB") }
                if let count = ProcessFigures.descriptors(pid) { add("descriptors of the \(name)", count, 64, "files") }
            }
            let isDeep = second.isMultiple(of: 5)
            looks.withLock { looks in
                looks.begun += 1
                if isDeep { looks.begunDeep += 1 }
            }
            do {
                try await look(deeply: isDeep)
                looks.withLock { looks in
                    looks.done += 1
                    if isDeep { looks.doneDeep += 1 }
                }
            } catch {
                // While Redis is away there is nothing to see; how often that was is judged in the end.
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func look(deeply: Bool) async throws {
        let replies = try await fleet.fleet.ask([
            RedisCommand("DBSIZE"), RedisCommand("INFO", "memory"), RedisCommand("HGETALL", "{longshore}:stats"),
        ])
        if let keys = replies[0].int {
            add("keys in Redis", Double(keys - Int64(removed() + fleet.claims)), 500, "keys")
        }
        let used = replies[1].string?.split(separator: "\r\n").first { $0.hasPrefix("used_memory:") }
        if let bytes = used?.split(separator: ":").last.flatMap({ Double($0) }) {
            add("memory used by Redis", bytes / 1_048_576, 32, "MiB")
        }
        for (name, count) in replies[2].hash() ?? [:] where name == "faults" || name.hasPrefix("faults:") {
            // Once is enough: the count never falls.
            guard series.withLock({ $0[name] == nil }) else { continue }
            add(name, Double(count) ?? 0, 0, "faults")
            run.violated(.consistent, "the online check has counted \(count) \(name)")
        }
        guard deeply else { return }
        run.violated(.consistent, try await RestCheck(fleet: fleet.fleet).invariants())
    }

    private func add(_ name: String, _ value: Double, _ slack: Double, _ unit: String) {
        series.withLock { $0[name, default: Series(slack: slack, unit: unit)].values.append(value) }
    }

    /// Compares the second half of the run with the first.
    func conclude() {
        let looks = looks.withLock { $0 }
        if looks.done * 2 < max(1, looks.begun) || looks.doneDeep * 2 < looks.begunDeep {
            run.violated(
                .carriedThrough,
                "Redis could be looked at \(looks.done) of \(looks.begun) times, and through all its "
                    + "keys \(looks.doneDeep) of \(looks.begunDeep) times")
        }
        for (name, series) in series.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            // What grows at the beginning is filled once: caches, pools, a first list of images.
            let values = series.values.dropFirst(series.values.count / 10)
            guard values.count > 1 else { continue }
            let (first, second) = (values.prefix(values.count / 2), values.suffix(values.count / 2))
            let (before, after) = (Self.mean(first), Self.mean(second))
            run.figure("\(name), first half", before, series.unit)
            run.figure("\(name), second half", after, series.unit)
            if series.values.count >= Self.shortest, after > before * 1.5 + series.slack {
                run.violated(.economy, "\(name) grew from \(before) to \(after) \(series.unit)")
            }
        }
    }

    private static func mean(_ values: ArraySlice<Double>) -> Double {
        (values.reduce(0, +) / Double(max(1, values.count)) * 10).rounded() / 10
    }
}

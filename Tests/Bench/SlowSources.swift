import Foundation
import LeaseStore
import TestSupport

/// One image from a source that limits each connection, and from one that does not, by one connection and by several.
struct SlowSources {
    /// The `longshore` binary.
    let binary: String

    private static let bytes = 192 << 20
    private static let rate = 16 << 20

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let slow = try await SlowSource(bytes: Self.bytes, rate: Self.rate)
        let fast = try await SlowSource(bytes: Self.bytes, rate: nil)
        let slowRates = try await rates([1, 2, 4, 8], slow, runs: runs, at: place)
        let fastRates = try await rates([1, 4], fast, runs: 3 * runs, at: place)
        try await slow.stop()
        try await fast.stop()
        let mib = Self.rate >> 20
        return figures(slowRates, "one image from a source of \(mib) MiB/s for each connection", target: .atLeast(2))
            + figures(fastRates, "the same from a source without a limit", target: .atLeast(0.95))
    }

    /// MiB/s and the growth of the worker's memory in MiB.
    private struct Measured {
        let connections: Int
        var rate = 0.0
        var memory = 0.0
    }

    private func rates(
        _ connections: [Int], _ source: SlowSource, runs: Int, at place: Place
    ) async throws -> [Measured] {
        var all: [Measured] = []
        for count in connections {
            all.append(
                try await place.withCatalog(.fsync) { catalog, server in
                    let fleet = try await Processes.start(
                        binary, server, place, inFlight: 1, settings: ["sources.connections=\(count)"])
                    defer { fleet.stop() }
                    try await fleet.untilReady(catalog)
                    _ = try fleet.takePeakMemory()
                    let idle = try fleet.takePeakMemory()
                    var seconds: [Double] = []
                    for _ in 0..<runs { seconds.append(try await importing(source, fleet, catalog)) }
                    return Measured(
                        connections: count, rate: Double(source.bytes >> 20) / seconds.median,
                        memory: (Double(try fleet.takePeakMemory() - idle) / Double(1 << 20)).rounded())
                })
        }
        return all
    }

    private func importing(_ source: SlowSource, _ fleet: Processes, _ catalog: Catalog) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await fleet.importAll(["http://127.0.0.1:\(source.port)/"], inFlight: 1)
        try await catalog.waitForEnds(1, after: last)
        return (ContinuousClock.now - start).inSeconds
    }

    private func figures(_ all: [Measured], _ section: String, target: Target) -> [Figure] {
        all.map { measured in
            Figure(
                section: section, name: "\(measured.connections) connection\(measured.connections == 1 ? "" : "s")",
                value: measured.rate, unit: "MiB/s", ratio: measured.rate / all[0].rate, peer: "one connection")
        } + [
            Figure(
                section: section, name: "4 connections to one",
                value: (all.first { $0.connections == 4 }?.rate ?? 0) / all[0].rate, unit: "", target: target),
            Figure(
                section: section, name: "memory above idle with 4",
                value: all.first { $0.connections == 4 }?.memory ?? 0, unit: "MiB", target: .atMost(24)),
        ]
    }
}

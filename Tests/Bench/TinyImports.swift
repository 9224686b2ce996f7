import Foundation
import ImportModel
import LeaseStore
import RedisClient
import TestSupport

/// Imports of tiny images per second through the whole thing: the command line, one API process, one worker process,
/// a source on loopback, a store in a folder, everything fsynced.
struct TinyImports {
    let binary: String

    private static let inFlight = 16

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, server in
            let source = try await ScriptedHTTPServer { request in
                let bytes = [UInt8](repeating: 0x5a, count: Int(request.target.dropFirst()) ?? 0)
                return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
            }
            let fleet = try await Processes.start(binary, server, place, inFlight: Self.inFlight)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            var figures: [Figure] = []
            for (label, bytes, count) in [("1 KiB", 1 << 10, 500), ("1 MiB", 1 << 20, 300)] {
                var rates: [Double] = []
                for run in 0...runs {
                    let rate = try await pass(
                        catalog, fleet, urls: Array(repeating: source.url("/\(bytes)"), count: count))
                    if run > 0 { rates.append(rate) }  // the first one warms everything up
                }
                figures.append(
                    Figure(
                        section: "imports of tiny images, fsync always, \(Self.inFlight) in flight", name: label,
                        value: rates.median, unit: "imports/s"))
            }
            try await source.stop()
            return figures
        }
    }

    /// From the start of the command until the last import has ended.
    private func pass(_ catalog: Catalog, _ fleet: Processes, urls: [String]) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await catalog.waitForEnds(urls.count, after: last) }
            group.addTask { try await fleet.importAll(urls, inFlight: Self.inFlight) }
            try await group.waitForAll()
        }
        return Double(urls.count) / (ContinuousClock.now - start).inSeconds
    }
}

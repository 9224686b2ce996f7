import Foundation
import LeaseStore
import NIOPosix
import RedisClient
import TestSupport

/// One large image over loopback into a folder, beside what others take for the same bytes in the same run.
struct DataPath {
    /// The `longshore` binary.
    let binary: String
    /// A program of threads that does the same and nothing else: the limit.
    let limit: String
    let mib: Int

    private static let section = "one image over loopback into a folder, fsynced"

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let source = try await LargeFile(bytes: mib << 20, in: place.folder)
        let figures = try await place.withCatalog(.fsync) { catalog, server in
            let fleet = try await Processes.start(binary, server, place, stores: ["main", "second"], inFlight: 16)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            let memory = try await memory(source, fleet, catalog)
            var times: [[Double]] = []
            for _ in 0..<runs { times.append(try await pass(source, fleet, catalog, place)) }
            return report(times) + memory
        }
        try await source.stop()
        return figures
    }

    /// What the worker's memory grows by, from a fresh process on. The first imports also warm everything up.
    private func memory(_ source: LargeFile, _ fleet: Processes, _ catalog: Catalog) async throws -> [Figure] {
        let url = "http://127.0.0.1:\(source.port)/"
        _ = try fleet.takePeakMemory()
        let idle = try fleet.takePeakMemory()
        var figures: [Figure] = []
        for (name, urls, bound) in [
            ("one import", [url], 24.0),
            ("16 at once", Array(repeating: url + String(source.bytes / 16), count: 16), 384),
        ] {
            _ = try await importing(urls, fleet, catalog, ["main"])
            figures.append(
                Figure(
                    section: "resident memory of the worker above idle, at its peak", name: name,
                    value: (Double(try fleet.takePeakMemory() - idle) / Double(1 << 20)).rounded(), unit: "MiB",
                    target: .atMost(bound)))
        }
        return figures
    }

    private static let rows = [
        "curl -o", "curl | tee | openssl", "the limit: a program of threads", "longshore", "the limit, two files",
        "longshore, two stores", "longshore, 16 images of a 16th",
    ]

    /// Seconds for each row. All of them in one pass, so that what disturbs the machine disturbs all.
    private func pass(
        _ source: LargeFile, _ fleet: Processes, _ catalog: Catalog, _ place: Place
    ) async throws -> [Double] {
        let (one, two) = (place.folder.path + "/peer-1", place.folder.path + "/peer-2")
        let url = "http://127.0.0.1:\(source.port)/"
        let tee = """
            set -o pipefail; curl -sS "$0" | tee >(openssl dgst -md5 >"$1.md5") >(openssl dgst -sha512 >"$1.sha512") \
            >"$1" && wait && sync -d "$1"
            """
        return [
            try await seconds("bash", ["-c", #"curl -sS -o "$1" "$0" && sync -d "$1""#, url, one]),
            try await seconds("bash", ["-c", tee, url, one]),
            try await seconds(limit, [String(source.port), "/", one]),
            try await importing([url], fleet, catalog, ["main"]),
            try await seconds(limit, [String(source.port), "/", one, two]),
            try await importing([url], fleet, catalog, ["main", "second"]),
            try await importing(
                Array(repeating: "\(url)\(source.bytes / 16)", count: 16), fleet, catalog, ["main"]),
        ]
    }

    private func seconds(_ program: String, _ arguments: [String]) async throws -> Double {
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-bench.\(UUID())")
        defer { try? FileManager.default.removeItem(at: log) }  // nothing depends on its going
        let start = ContinuousClock.now
        try await NIOThreadPool.singleton.runIfActive { try ServerProcess.run(program, arguments, log: log) }
        return (ContinuousClock.now - start).inSeconds
    }

    /// From the start of the command to the last success; what was imported is deleted afterwards.
    private func importing(
        _ urls: [String], _ fleet: Processes, _ catalog: Catalog, _ stores: [String]
    ) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await catalog.waitForEnds(urls.count, after: last) }
            group.addTask { try await fleet.importAll(urls, inFlight: urls.count, stores: stores) }
            try await group.waitForAll()
        }
        return (ContinuousClock.now - start).inSeconds
    }

    private func report(_ times: [[Double]]) -> [Figure] {
        // Within a pass the machine is the same, so ratios are taken there, and then their median.
        func ratio(_ row: Int, to peer: Int) -> Double { times.map { $0[peer] / $0[row] }.median }
        var figures = Self.rows.indices.map { row in
            let peer = row == 4 || row == 5 ? 4 : 2
            return Figure(
                section: Self.section, name: Self.rows[row], value: Double(mib) / times.map { $0[row] }.median,
                unit: "MiB/s", ratio: ratio(row, to: peer), peer: "the limit")
        }
        let section = "what that comes to"
        figures += [
            Figure(section: section, name: "of the limit", value: ratio(3, to: 2), unit: "", target: .atLeast(0.9)),
            Figure(
                section: section, name: "of curl | tee | openssl", value: ratio(3, to: 1), unit: "",
                target: .atLeast(1)),
            Figure(
                section: section, name: "time of two stores to one", value: ratio(3, to: 5), unit: "",
                target: .atMost(1.3)),
            Figure(
                section: section, name: "time of 16 at once to one", value: ratio(3, to: 6), unit: "",
                target: .atMost(1)),
        ]
        return figures
    }
}

import Foundation
import LeaseStore

/// One large image over loopback into a folder, beside what others take for the same bytes in the same run.
struct DataPath {
    /// The `longshore` binary.
    let binary: String
    /// A program of threads that does the same and nothing else: the limit.
    let limit: String
    let mib: Int

    private static let section = "one image over loopback into a folder, fsynced"

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let source = try await LargeFile.make(mib << 20, in: place.folder)
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

    /// What the worker's memory grows by. The imports also warm everything up.
    private func memory(_ source: LargeFile, _ fleet: Processes, _ catalog: Catalog) async throws -> [Figure] {
        let idle = try await fleet.idleMemory(source, catalog, store: "main")
        var figures: [Figure] = []
        for (name, urls, stores) in [
            ("worker, one import", [source.url], ["main"]),
            ("worker, one import, two stores", [source.url], ["main", "second"]),
            (
                "worker, 16 at once", Array(repeating: source.url + String(source.bytes / 16), count: 16), ["main"]
            ),
        ] {
            _ = try await fleet.importing(urls, catalog, to: stores)
            figures.append(try fleet.peak(above: idle, name, atMost: 24 * Double(urls.count)))
            try fleet.clear()
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
        let port = String(source.port)
        let tee = """
            set -o pipefail; curl -sS "$0" | tee >(openssl dgst -md5 >"$1.md5") >(openssl dgst -sha512 >"$1.sha512") \
            >"$1" && wait && sync -d "$1"
            """
        let sixteenths = Array(repeating: "\(source.url)\(source.bytes / 16)", count: 16)
        let rows: [() async throws -> Double] = [
            { try await secondsToRun("bash", ["-c", #"curl -sS -o "$1" "$0" && sync -d "$1""#, source.url, one]) },
            { try await secondsToRun("bash", ["-c", tee, source.url, one]) },
            { try await secondsToRun(limit, [port, "/", one]) },
            { try await fleet.importing([source.url], catalog, to: ["main"]) },
            { try await secondsToRun(limit, [port, "/", one, two]) },
            { try await fleet.importing([source.url], catalog, to: ["main", "second"]) },
            { try await fleet.importing(sixteenths, catalog, to: ["main"]) },
        ]
        var times: [Double] = []
        for row in rows {
            times.append(try await row())
            try fleet.clear([one, two])
        }
        return times
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

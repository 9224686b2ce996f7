import Foundation
import NIOPosix
import TestSupport

/// Images that come compressed and are decompressed on their way, beside the programs whose trade that is. Rates are of
/// the bytes that come out.
struct CompressedImages {
    let binary: String
    let mib: Int

    private static let section = "one compressed image over loopback into a folder, fsynced"
    private static let formats = [("gzip", "gzip -1"), ("xz", "xz -0 -T0"), ("zstd", "zstd -q -1")]

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let plain = try await LargeFile.make(mib << 20, of: .compressible, in: place.folder)
        let figures = try await place.withCatalog(.fsync) { catalog, server in
            let fleet = try await Processes.start(
                binary, server, place, inFlight: 16, settings: ["import.plugins=decompress"])
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            let idle = try await fleet.idleMemory(plain, catalog, store: "main")
            var (figures, memory): ([Figure], [Figure]) = ([], [])
            for (name, program) in Self.formats {
                let packed = "\(place.folder.path)/source.\(name)"
                _ = try await secondsToRun("bash", ["-c", "\(program) -c <\"$0\" >\"$1\"", plain.path, packed])
                let source = try await LargeFile(serving: packed)
                var times: [[Double]] = []
                for _ in 0..<runs { times.append(try await pass(name, source, fleet, catalog, place)) }
                memory.append(try fleet.peak(above: idle, "worker, one \(name) image", atMost: 24))
                try await source.stop()
                figures += report(name, times)
            }
            return figures + memory
        }
        try await plain.stop()
        return figures
    }

    private func pass(
        _ name: String, _ source: LargeFile, _ fleet: Processes, _ catalog: Catalog, _ place: Place
    ) async throws -> [Double] {
        let file = place.folder.path + "/peer"
        let peer = """
            set -o pipefail; curl -sS "$0" | \(name) -dc | tee >(openssl dgst -md5 >"$1.md5") \
            >(openssl dgst -sha512 >"$1.sha512") >"$1" && wait && sync -d "$1"
            """
        var times = [try await secondsToRun("bash", ["-c", peer, source.url, file])]
        try fleet.clear([file])
        times.append(try await fleet.importing([source.url], catalog, to: ["main"]))
        try fleet.clear()
        return times
    }

    private func report(_ name: String, _ times: [[Double]]) -> [Figure] {
        let rates = (0...1).map { row in Double(mib) / times.map { $0[row] }.median }
        return [
            Figure(section: Self.section, name: "curl | \(name) -dc | tee | openssl", value: rates[0], unit: "MiB/s"),
            Figure(
                section: Self.section, name: "longshore, \(name)", value: rates[1], unit: "MiB/s",
                ratio: times.map { $0[0] / $0[1] }.median, peer: "the programs", target: nil),
        ]
    }
}

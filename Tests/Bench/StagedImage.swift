import Foundation
import ImportModel
import LeaseStore
import LongshoreClient
import TestSupport

/// A large image through the API: uploaded to the staging store, adopted by an import, downloaded again.
struct StagedImage {
    let binary: String
    let mib: Int

    private static let atOnce = 8

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let source = try await LargeFile.make(mib << 20, in: place.folder)
        let figures = try await place.withCatalog(.fsync) { catalog, server in
            let fleet = try await Processes.start(binary, server, place, inFlight: 16)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            let endpoint = try ServiceEndpoint(parsing: fleet.endpoint)
            return try await ServiceClient.run(endpoint: endpoint, token: nil) { client in
                try await measure(runs, source, client, fleet, catalog)
            }
        }
        try await source.stop()
        return figures
    }

    private func measure(
        _ runs: Int, _ source: LargeFile, _ client: ServiceClient, _ fleet: Processes, _ catalog: Catalog
    ) async throws -> [Figure] {
        _ = try fleet.takePeakMemory(ofAPI: true)
        let idle = try fleet.takePeakMemory(ofAPI: true)
        var (uploads, adoptions, downloads): ([Double], [Double], [[Double]]) = ([], [], [])
        var memory: [Figure] = []
        for _ in 0..<runs {
            try fleet.clear()
            let (image, upload, adoption) = try await importStaged(source, client, catalog)
            uploads.append(upload)
            adoptions.append(adoption)
            if memory.isEmpty { memory.append(try fleet.peak(above: idle, "API, one upload", ofAPI: true, atMost: 24)) }
            downloads.append(try await download(image, fleet, source))
            if memory.count < 2 {
                memory.append(
                    try fleet.peak(
                        above: idle, "API, \(Self.atOnce) downloads", ofAPI: true, atMost: 24 * Double(Self.atOnce)))
            }
        }
        return report(uploads, adoptions, downloads) + memory
    }

    /// The image, the seconds that the upload took, and those from the request of the import to its success.
    private func importStaged(
        _ source: LargeFile, _ client: ServiceClient, _ catalog: Catalog
    ) async throws -> (ImageID, Double, Double) {
        let image = try await client.createImage(ImageDraft(name: "staged", diskFormat: "raw")).id
        let began = ContinuousClock.now
        let file = try await LocalFile.open(source.path)
        try await client.stage(image, bytes: file.chunks { _ in }, count: file.size)
        let staged = ContinuousClock.now
        let last = try await catalog.store.lastEventID()
        let asked = ContinuousClock.now
        _ = try await client.startImport(image, ImportOrder())
        try await catalog.waitForEnds(1, after: last)
        return (image, (staged - began).inSeconds, (ContinuousClock.now - asked).inSeconds)
    }

    /// Seconds of one download and of several at once, each from a bare server with `sendfile` and from the API.
    private func download(_ image: ImageID, _ fleet: Processes, _ source: LargeFile) async throws -> [Double] {
        let urls = [source.url, "\(fleet.endpoint)/v2/images/\(image)/file"]
        let once = #"curl -sS --fail -o /dev/null "$0""#
        let often =
            "for i in {1..\(Self.atOnce)}; do \(once) & pids+=($!); done; for i in \"${pids[@]}\"; do wait $i || exit 1; done"
        // Whatever is read for the first time comes from the disk.
        for url in urls { _ = try await secondsToRun("bash", ["-c", once, url]) }
        var times: [Double] = []
        for command in [once, often] {
            for url in urls { times.append(try await secondsToRun("bash", ["-c", command, url])) }
        }
        return times
    }

    private func report(_ uploads: [Double], _ adoptions: [Double], _ downloads: [[Double]]) -> [Figure] {
        let section = "downloads over loopback, from the page cache"
        func figure(_ name: String, _ row: Int, images: Int) -> Figure {
            Figure(
                section: section, name: name, value: Double(images * mib) / downloads.map { $0[row] }.median,
                unit: "MiB/s", ratio: downloads.map { $0[row & ~1] / $0[row] }.median, peer: "sendfile")
        }
        return [
            Figure(
                section: "an uploaded image", name: "upload to the staging store",
                value: Double(mib) / uploads.median, unit: "MiB/s"),
            Figure(
                section: "an uploaded image", name: "its import, which adopts it", value: adoptions.median, unit: "s",
                target: .atMost(0.2)),
            figure("curl, from sendfile", 0, images: 1), figure("curl, from the API", 1, images: 1),
            figure("\(Self.atOnce) at once, from sendfile", 2, images: Self.atOnce),
            figure("\(Self.atOnce) at once, from the API", 3, images: Self.atOnce),
        ]
    }
}

import Foundation
import ImportModel
import LeaseStore
import LongshoreClient
import TestSupport

/// A large image copied from one store to another: between two folders, beside `cp` of the same bytes, and within one
/// SeaweedFS, which copies by itself.
struct CopiedImage {
    let binary: String
    let mib: Int

    private static let section = "an image copied to another store"

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let source = try await LargeFile.make(mib << 20, in: place.folder)
        let folders = try await measure(runs, source, at: place, "from folder to folder", stores: ["first", "second"])
        var peers: [Double] = []
        for _ in 0..<runs { peers.append(try await secondsToCopy(source.path, in: place)) }
        var figures = [rate("cp, and a sync", peers, to: peers)] + [rate(folders.name, folders.times, to: peers)]
        figures.append(folders.memory)
        if BucketImport.isPossible {
            let service = try await S3Server.start(.seaweedFS, in: place.folder.appendingPathComponent("service"))
            defer { service.stop() }
            // Where the processes look for keys.
            setenv("AWS_ACCESS_KEY_ID", S3Server.accessKeyID, 1)
            setenv("AWS_SECRET_ACCESS_KEY", S3Server.secretAccessKey, 1)
            let buckets = ["first", "second"].map {
                "\($0)=s3:\(service.endpoint)/\(S3Server.bucket)/\($0)?path-style=true"
            }
            let within = try await measure(runs, source, at: place, "within one SeaweedFS", buckets: buckets)
            figures += [rate(within.name, within.times, to: peers), within.memory]
        }
        try await source.stop()
        return figures
    }

    /// The seconds that copies from the store `first` to `second` took, and what the worker's memory grew by.
    private func measure(
        _ runs: Int, _ source: LargeFile, at place: Place, _ name: String, stores: [String] = [], buckets: [String] = []
    ) async throws -> (name: String, times: [Double], memory: Figure) {
        try await place.withCatalog(.fsync) { catalog, server in
            let fleet = try await Processes.start(
                binary, server, place, stores: stores, buckets: buckets, inFlight: 4)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            let endpoint = try ServiceEndpoint(parsing: fleet.endpoint)
            return try await ServiceClient.run(endpoint: endpoint, token: nil) { client in
                var times: [Double] = []
                var idle = 0
                for _ in 0..<runs {
                    let image = try await client.createImage(ImageDraft(name: "copied", diskFormat: "raw")).id
                    var order = ImportOrder()
                    order.uri = source.url
                    order.stores = [StoreID(rawValue: "first")].compactMap(\.self)
                    _ = try await seconds(catalog) { _ = try await client.startImport(image, order) }
                    if idle == 0 {
                        _ = try fleet.takePeakMemory()
                        idle = try fleet.takePeakMemory()
                    }
                    order = ImportOrder()
                    order.stores = [StoreID(rawValue: "second")].compactMap(\.self)
                    times.append(try await seconds(catalog) { _ = try await client.startCopy(image, order) })
                    try fleet.clear()
                }
                return (name, times, try fleet.peak(above: idle, "worker, one copy \(name)", atMost: 24))
            }
        }
    }

    /// From a request to the end of its task.
    private func seconds(_ catalog: Catalog, _ request: () async throws -> Void) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await request()
        try await catalog.waitForEnds(1, after: last)
        return (ContinuousClock.now - start).inSeconds
    }

    private func secondsToCopy(_ file: String, in place: Place) async throws -> Double {
        let copy = place.folder.path + "/peer"
        defer { unlink(copy) }
        return try await secondsToRun("bash", ["-c", #"cp --reflink=never "$0" "$1" && sync -d "$1""#, file, copy])
    }

    private func rate(_ name: String, _ times: [Double], to peers: [Double]) -> Figure {
        Figure(
            section: Self.section, name: name, value: Double(mib) / times.median, unit: "MiB/s",
            ratio: peers.median / times.median, peer: "cp")
    }
}

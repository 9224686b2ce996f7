import Foundation
import TestSupport

/// One large image over loopback into a bucket of SeaweedFS, beside what `curl` takes to put the same bytes there.
struct BucketImport {
    let binary: String
    let mib: Int

    private static let section = "one image over loopback into a bucket (SeaweedFS)"
    private static let rows = [
        "curl -T, of a file", "curl | tee | openssl, then curl -T", "longshore", "longshore, folder and bucket",
    ]

    /// Whether the service is there: `make dependencies` installs it.
    static var isPossible: Bool { S3Server.isInstalled(.seaweedFS) }

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        let source = try await LargeFile.make(mib << 20, in: place.folder)
        let service = try await S3Server.start(.seaweedFS, in: place.folder.appendingPathComponent("service"))
        defer { service.stop() }
        // Where the processes look for keys.
        setenv("AWS_ACCESS_KEY_ID", S3Server.accessKeyID, 1)
        setenv("AWS_SECRET_ACCESS_KEY", S3Server.secretAccessKey, 1)
        let bucket = "bucket=s3:\(service.endpoint)/\(S3Server.bucket)/fleet?path-style=true"
        let figures = try await place.withCatalog(.fsync) { catalog, server in
            let fleet = try await Processes.start(binary, server, place, buckets: [bucket], inFlight: 16)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            let idle = try await fleet.idleMemory(source, catalog, store: "bucket")
            _ = try await fleet.importing([source.url], catalog, to: ["bucket"])
            var memory = [try fleet.peak(above: idle, "worker, one import into a bucket", atMost: 24)]
            // Read by several connections: what waits for its turn comes on top.
            let slow = try await SlowSource(bytes: 192 << 20, rate: 16 << 20)
            _ = try await fleet.importing(["http://127.0.0.1:\(slow.port)/"], catalog, to: ["bucket"])
            try await slow.stop()
            memory.append(
                try fleet.peak(above: idle, "worker, one by four connections into a bucket", atMost: 24))
            var times: [[Double]] = []
            for _ in 0..<runs { times.append(try await pass(source, service, fleet, catalog, place)) }
            return report(times) + memory
        }
        try await source.stop()
        return figures
    }

    private func pass(
        _ source: LargeFile, _ service: S3Server, _ fleet: Processes, _ catalog: Catalog, _ place: Place
    ) async throws -> [Double] {
        let file = place.folder.path + "/peer"
        let (user, object) = (
            "\(S3Server.accessKeyID):\(S3Server.secretAccessKey)", "\(service.endpoint)/\(S3Server.bucket)/peer"
        )
        let put = #"curl -sS --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$0" -T "$1" "$2""#
        let staged = """
            set -o pipefail; curl -sS "$3" | tee >(openssl dgst -md5 >"$1.md5") >(openssl dgst -sha512 >"$1.sha512") \
            >"$1" && wait && \(put)
            """
        let rows: [() async throws -> Double] = [
            { try await secondsToRun("bash", ["-c", put, user, source.path, object]) },
            { try await secondsToRun("bash", ["-c", staged, user, file, object, source.url]) },
            { try await fleet.importing([source.url], catalog, to: ["bucket"]) },
            { try await fleet.importing([source.url], catalog, to: ["main", "bucket"]) },
        ]
        var times: [Double] = []
        for row in rows {
            times.append(try await row())
            try fleet.clear([file])
        }
        return times
    }

    private func report(_ times: [[Double]]) -> [Figure] {
        Self.rows.indices.map { row in
            Figure(
                section: Self.section, name: Self.rows[row], value: Double(mib) / times.map { $0[row] }.median,
                unit: "MiB/s", ratio: times.map { $0[1] / $0[row] }.median, peer: "curl, then curl",
                target: nil)
        } + [
            Figure(
                section: "what that comes to in the bucket", name: "of curl | tee | openssl, then curl -T",
                value: times.map { $0[1] / $0[2] }.median, unit: "", target: .atLeast(1))
        ]
    }
}

import Foundation
import TestSupport

/// Show and list over HTTP beside a handler that answers as many bytes and does nothing else, in a process of its own
/// like the API.
struct ShowAndList {
    let binary: String

    private static let connections = 16

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, server in
            let image = try await catalog.addImages(1000)[0]
            let fleet = try await Processes.start(binary, server, place, inFlight: 1)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            var figures: [Figure] = []
            for (name, path) in [("show", "/v2/images/\(image)"), ("list, 25 images", "/v2/images")] {
                let api = HTTPLoad(port: fleet.port, path: path)
                let bytes = try await api.run(connections: 1, seconds: 0.1).bytes
                let bare = try await BareHandler.start(bytes: bytes, in: place.folder)
                defer { _ = bare.process.terminate() }
                let peer = HTTPLoad(port: bare.port, path: path)
                var (rates, peers, latencies): ([Double], [Double], [Double]) = ([], [], [])
                for _ in 0..<runs {
                    peers.append(try await peer.run(connections: Self.connections, seconds: 2).rate)
                    let outcome = try await api.run(connections: Self.connections, seconds: 2)
                    rates.append(outcome.rate)
                    latencies.append(outcome.milliseconds.quantile(0.99))
                }
                let section = "requests per second over HTTP, \(Self.connections) connections"
                figures.append(
                    Figure(
                        section: section, name: "bare handler, \(bytes) bytes", value: peers.median, unit: "/s"))
                figures.append(
                    Figure(
                        section: section, name: name, value: rates.median, unit: "/s",
                        ratio: rates.median / peers.median, peer: "the bare handler"))
                figures.append(
                    Figure(section: section, name: "\(name), p99", value: latencies.median, unit: "ms"))
            }
            return figures
        }
    }
}

package import ImportModel
import Foundation
import RedisClient
import Synchronization
import TestSupport

/// Imports without end, so many at a time: a new one for each that has become active, while faults are done.
package final class Workload: Sendable {
    package struct Shape: Sendable {
        package var atOnce = 8
        /// Sizes to choose from.
        package var mib = [1, 1, 1, 2, 2, 4, 8]
        /// Bytes a second that a source sends, as slow as a network.
        package var rate: Int64 = 4 << 20
        /// How many sources in a hundred break off half way, once.
        package var broken = 0
        /// How many sources in a hundred tell their version and serve ranges, so that imports from them are continued.
        package var versioned = 0

        package init() {}
    }

    /// A published object, as it was when its image had just become active.
    private struct Published: Equatable {
        let key: String
        let inode: UInt64
        let size: Int64
        let modified: [Int]

        init?(_ fleet: Fleet, _ key: String) {
            var status = stat()
            guard let file = StoreFolder(folder: fleet.store).file(of: key), stat(file.path, &status) == 0 else {
                return nil
            }
            self.key = key
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        }
    }

    private struct State {
        var random: SeededRandom
        var images: [ImageID: SourceImage] = [:]
        var running: Set<ImageID> = []
        var published: [ImageID: Published] = [:]
        var missing: [String] = []
        var isStopped = false
    }

    private let fleet: Fleet
    private let shape: Shape
    private let first: Int
    private let begin: @Sendable (_ uri: String) async throws -> ImageID
    private let state: Mutex<State>

    /// - Parameters:
    ///   - first: the number of the first image; workloads of one fleet must not share images.
    ///   - begin: makes an image and has its import accepted.
    package init(
        _ run: FaultRun, _ fleet: Fleet, _ shape: Shape = Shape(), first: Int = 0,
        begin: @escaping @Sendable (_ uri: String) async throws -> ImageID
    ) {
        self.fleet = fleet
        self.shape = shape
        self.first = first
        self.begin = begin
        state = Mutex(State(random: run.random("images from \(first)")))
    }

    package var images: [ImageID: SourceImage] { state.withLock(\.images) }

    /// Begins imports until `stop`.
    package func run() async throws {
        while !state.withLock(\.isStopped) {
            try await look()
            for _ in 0..<max(0, shape.atOnce - state.withLock(\.running.count)) {
                let (image, fault, isVersioned) = next()
                let id = try await begin(fleet.source.url(image, fault, isVersioned: isVersioned))
                state.withLock {
                    $0.images[id] = image
                    $0.running.insert(id)
                }
            }
            // How often it looks; faults are not waited for.
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    package func stop() { state.withLock { $0.isStopped = true } }

    /// Waits until every image is active. Those that are not by then are for the judge to name.
    package func settle(within limit: Duration = .seconds(120)) async throws {
        do {
            try await eventually(within: limit) {
                try await look()
                return state.withLock(\.running.isEmpty)
            }
        } catch is EventuallyError {}
    }

    /// What has changed of the objects of images that were active already.
    package func changes() -> [String] {
        let (published, missing) = state.withLock { ($0.published, $0.missing) }
        return missing
            + published.compactMap { id, then in
                guard let now = Published(fleet, then.key) else { return "the object of \(id) is gone" }
                return now == then ? nil : "the object of \(id) was changed after it was published: \(then), \(now)"
            }
    }

    private func next() -> (SourceImage, ImageSource.Fault, Bool) {
        state.withLock { [first] state in
            let image = SourceImage(seed: first + state.images.count, mib: state.random.pick(shape.mib))
            let breaks = state.random.happens(shape.broken)
            return (
                image,
                breaks
                    ? .init(kind: .reset, number: image.size / 2, times: 1) : .init(kind: .drip, number: shape.rate),
                !breaks && state.random.happens(shape.versioned)
            )
        }
    }

    private func look() async throws {
        let running = Array(state.withLock(\.running))
        let records = try await fleet.ask(
            running.map { RedisCommand("HMGET", "{longshore}:image:\($0)", "status", "loc:main") })
        for (id, record) in zip(running, records) {
            guard let values = record.array, values[0].string == "active" else { continue }
            let published = values[1].string.flatMap { Published(fleet, $0) }
            state.withLock { state in
                state.running.remove(id)
                state.published[id] = published
                if published == nil { state.missing.append("image \(id) is active without an object") }
            }
        }
    }
}

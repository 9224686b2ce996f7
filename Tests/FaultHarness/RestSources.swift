import Synchronization
import TestSupport

/// The server on which the tricks about the rest of an image are played, each at a path of its own.
final class RestSources: Sendable {
    private struct Count {
        var all = 0
        var ahead = 0
    }

    private let tricks: [RestTrick]
    private let images: [[UInt8]]
    private let formerImages: [[UInt8]]
    private let counts = Mutex<[Int: Count]>([:])
    private let server = Mutex<ScriptedHTTPServer?>(nil)

    init(_ tricks: [RestTrick], _ images: [SourceImage]) async throws {
        self.tricks = tricks
        self.images = images.map { Array($0.bytes) }
        formerImages = images.map { Array(SourceImage(seed: Int($0.seed) + 1, bytes: $0.size).bytes) }
        let server = try await ScriptedHTTPServer { [self] in play($0) }
        self.server.withLock { $0 = server }
    }

    func stop() async throws { try await server.withLock { $0 }?.stop() }

    func url(_ index: Int) -> String { server.withLock { $0 }?.url("/\(index)") ?? "" }

    /// How many requests there were, and how many of them by further connections.
    func requests(_ index: Int) -> (all: Int, ahead: Int) {
        counts.withLock { ($0[index]?.all ?? 0, $0[index]?.ahead ?? 0) }
    }

    private func play(_ request: ScriptedHTTPServer.Request) -> [ScriptedHTTPServer.Step] {
        guard let index = Int(request.target.dropFirst()), tricks.indices.contains(index) else {
            return ScriptedHTTPServer.answer("404 Not Found")
        }
        // `bytes=100-`, `bytes=100-199`
        let ends = request.headers["range"]?.split { !$0.isNumber }.compactMap { Int($0) } ?? []
        let size = images[index].count
        let range = ends.first.map { min($0, size)..<(ends.count > 1 ? min(ends[1] + 1, size) : size) }
        let isAhead = ends.count > 1
        let earlier = counts.withLock { counts in
            let before = counts[index] ?? Count()
            counts[index] = Count(all: before.all + 1, ahead: before.ahead + (isAhead ? 1 : 0))
            return before
        }
        return tricks[index].answer(
            .init(
                image: images[index], formerImage: formerImages[index], earlier: earlier.all,
                earlierAhead: earlier.ahead, range: range, isAhead: isAhead))
    }
}

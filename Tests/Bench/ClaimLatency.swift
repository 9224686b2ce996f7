import ImportModel
import LeaseStore
import TestSupport

/// How long a task that comes to an idle fleet waits: workers block in Redis as the claim loop does.
struct ClaimLatency {
    let durability: Durability

    private static let workers = 8
    private static let samples = 500

    private struct Claimed: Sendable {
        let claim: Claim
        let at: ContinuousClock.Instant
    }

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        var asked: [[Double]] = []
        var acknowledged: [[Double]] = []
        for _ in 0..<runs {
            let (fromCall, fromAnswer) = try await place.withCatalog(durability) { catalog, _ in
                try await sample(catalog)
            }
            asked.append(fromCall)
            acknowledged.append(fromAnswer)
        }
        func figures(_ name: String, _ runs: [[Double]], target: Target?) -> [Figure] {
            [0.5, 0.95, 0.99].map { share in
                Figure(
                    section: "from enqueue to claim, \(durability.rawValue), \(Self.workers) idle workers",
                    name: "\(name), p\(Int(share * 100))", value: runs.map { $0.quantile(share) }.median, unit: "ms",
                    target: share == 0.5 ? target : nil)
            }
        }
        return figures("from the call that enqueues", asked, target: .atMost(2))
            + figures("from its acknowledgement", acknowledged, target: nil)
    }

    /// Milliseconds from sending `import-create`, and from its answer, until a worker has the task.
    private func sample(_ catalog: Catalog) async throws -> (fromCall: [Double], fromAnswer: [Double]) {
        let images = try await catalog.addImages(Self.samples + 20)
        let (stream, claimed) = AsyncStream.makeStream(of: Claimed.self)
        return try await withThrowingTaskGroup(of: ([Double], [Double])?.self) { group in
            for _ in 0..<Self.workers {
                group.addTask {
                    try await Self.work(catalog) { claimed.yield($0) }
                    return nil
                }
            }
            group.addTask {
                var answers = stream.makeAsyncIterator()
                var fromCall: [Double] = []
                var fromAnswer: [Double] = []
                for (index, image) in images.enumerated() {
                    try await eventually {
                        try await catalog.info("blocked_clients") == String(Self.workers)
                    }
                    let start = ContinuousClock.now
                    try await catalog.enqueue(image)
                    let answered = ContinuousClock.now
                    guard let next = await answers.next() else { throw CancellationError() }
                    try await catalog.publish(next.claim)
                    guard index >= 20 else { continue }  // the first ones load scripts and make connections
                    fromCall.append((next.at - start).inMilliseconds)
                    // A worker may be faster than the answer.
                    fromAnswer.append(max(0, (next.at - answered).inMilliseconds))
                }
                return (fromCall, fromAnswer)
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private static func work(_ catalog: Catalog, _ onClaim: @Sendable (Claimed) -> Void) async throws {
        while true {
            switch try await catalog.store.claim(nonce: .mint(), process: catalog.process, stores: catalog.stores) {
            case .task(let claim): onClaim(Claimed(claim: claim, at: .now))
            case .empty(let due): try await catalog.store.waitForWork(atMost: due ?? .seconds(50))
            case .paused, .over: throw BenchError("the queue is paused, or a nonce was used twice")
            }
        }
    }
}

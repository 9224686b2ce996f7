import DiskImage
import ImageStorage
import ImportModel
import Synchronization

/// Takes checkpoints of a run while it goes on: nobody waits for anybody.
///
/// When the bytes before some offset have been handed to all lanes, the offset becomes the *mark*, before the next block
/// is handed on. Each lane that comes to the mark says what it has there; when all have, the checkpoint is kept, and the
/// next offset may become one. A store that has failed says nothing, so that there are no more checkpoints then.
final class StreamMarks: Sendable {
    private enum Finding: Sendable {
        case inspector(DiskImageInspector)
        case digest(DigestAlgorithm, [UInt8])
        case store(StoreID, UnfinishedObject?)
    }

    private let plan: CheckpointPlan
    private let end: Int64
    private let unit: Int64
    private let step: Int64
    private let lanes: Int
    private let state: Mutex<State>
    private let findings: AsyncStream<Finding>
    private let found: AsyncStream<Finding>.Continuation

    private struct State {
        var mark: Int64?
        var next: Int64
    }

    /// `nil` where no checkpoints are possible.
    ///
    /// - Parameters:
    ///   - units: of the stores, see `ObjectWriter.checkpointUnit`.
    ///   - digests: how many are taken.
    ///   - end: the size of the whole; behind the last byte there is nothing to go on with.
    init?(_ plan: CheckpointPlan, from start: Int64, to end: Int64?, units: [Int64?], digests: Int) {
        guard let end, !units.isEmpty, plan.everyBytes > 0 else { return nil }
        var common = Int64(ImportPipeline.blockBytes)
        for unit in units {
            guard let unit, unit > 0 else { return nil }
            let product = common.multipliedReportingOverflow(by: unit / Self.divisor(common, unit))
            guard !product.overflow, product.partialValue < end else { return nil }
            common = product.partialValue
        }
        self.plan = plan
        self.end = end
        unit = common
        step = min(plan.everyBytes, end)
        lanes = units.count + digests + 1
        state = Mutex(State(next: start + step))
        (findings, found) = AsyncStream.makeStream()
    }

    /// To be called when all lanes have been handed the bytes before `position`, and none behind it.
    func pass(_ position: Int64, _ inspector: DiskImageInspector) {
        guard position % unit == 0, position < end else { return }
        let isMarked = state.withLock { state in
            guard state.mark == nil, position >= state.next || plan.isUrgent() else { return false }
            state.mark = position
            state.next = position + step
            return true
        }
        if isMarked { found.yield(.inspector(inspector)) }
    }

    /// Whether a lane that has taken all bytes before `position` has to say what it has.
    func isDue(_ position: Int64) -> Bool { state.withLock { $0.mark == position } }

    func add(_ algorithm: DigestAlgorithm, _ digest: StreamDigest) { found.yield(.digest(algorithm, digest.saved)) }
    func add(_ store: StoreID, _ object: UnfinishedObject?) { found.yield(.store(store, object)) }

    /// There are no more marks.
    func finish() { found.finish() }

    /// Keeps checkpoints as they come together, until `finish` or the task's cancellation.
    func keep() async throws {
        var inspector: DiskImageInspector?
        var digests: [DigestAlgorithm: [UInt8]] = [:]
        var stores: [StoreID: UnfinishedObject] = [:]
        var (count, isPossible) = (0, true)
        for await finding in findings {
            count += 1
            switch finding {
            case .inspector(let taken): inspector = taken
            case .digest(let algorithm, let saved): digests[algorithm] = saved
            case .store(let id, let object):
                stores[id] = object
                if object == nil { isPossible = false }
            }
            guard count == lanes else { continue }
            if isPossible, let inspector, let offset = state.withLock(\.mark) {
                try await plan.keep(
                    StreamCheckpoint(offset: offset, digests: digests, inspector: inspector, stores: stores))
            }
            (count, isPossible, digests, stores) = (0, true, [:], [:])
            state.withLock { $0.mark = nil }
        }
    }

    /// The greatest common one.
    private static func divisor(_ left: Int64, _ right: Int64) -> Int64 {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return left
    }
}

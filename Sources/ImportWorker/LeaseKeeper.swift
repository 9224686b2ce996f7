import ImportModel
import ImportPipeline
import LeaseStore
import Logging
import Synchronization

/// Keeps one attempt's lease: beats from a timer in every phase, and lets nothing be written without a valid lease.
///
/// A beat that is not answered costs time, not the attempt: writing pauses when the lease could be over, and goes on
/// with the next accepted beat. Only a refusal ends the attempt.
final class LeaseKeeper: WriteGate {
    private struct State {
        /// When the last acknowledged beat (or the claim) was *sent*: from then on the lease is ours for its length.
        var held: ContinuousClock.Instant
        var beat: Beat
        /// What is told behind the progress.
        var remark = ""
        var isDirty = false
        /// Grows with every sign that bytes move.
        var moves: UInt64 = 0
        /// Fulfilled, and replaced, at every acknowledged beat.
        var acknowledged = OneShot<Void>()
    }

    /// How often progress is reported while bytes move; without news the beat interval applies.
    private static let progressInterval: Duration = .seconds(1)

    let attempt: AttemptID
    private let store: LeaseStore
    private let claimedNumber: Int64
    let logger: Logger
    private let state: Mutex<State>
    private let loss = OneShot<LostLease>()

    /// - Parameters:
    ///   - store: on connections that carry nothing but beats.
    ///   - heldSince: when the claim was sent, by the clock that counts suspended time.
    init(
        store: LeaseStore, attempt: AttemptID, beatSeq: Int64, heldSince: ContinuousClock.Instant,
        bytesTotal: Int64?, logger: Logger
    ) {
        self.store = store
        self.attempt = attempt
        self.claimedNumber = beatSeq
        self.logger = logger
        state = Mutex(
            State(held: heldSince, beat: Beat(phase: .claimed, message: "", bytesDone: 0, bytesTotal: bytesTotal)))
    }

    /// Beats for as long as `body` runs.
    func keep<Result: Sendable>(_ body: () async -> Result) async -> Result {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.beatUntilLost() }
            let result = await body()
            group.cancelAll()
            return result
        }
    }

    /// Waits until the lease is lost; cancellation ends the wait.
    func lost() async throws -> LostLease { try await loss.wait() }

    func note(phase: TaskPhase) {
        state.withLock {
            $0.beat.phase = phase
            $0.isDirty = true
        }
    }

    func note(bytesTotal: Int64?) {
        state.withLock { if let bytesTotal { $0.beat.bytesTotal = bytesTotal } }
    }

    func note(bytesDone: Int64) {
        state.withLock {
            $0.beat.bytesDone = bytesDone
            $0.beat.message = Self.progressMessage(bytesDone) + $0.remark
            $0.isDirty = true
            $0.moves += 1
        }
    }

    /// - Parameter percent: of the conversion, from 0 to 100.
    func note(converting percent: Double, to format: String) {
        state.withLock {
            $0.beat.phase = .converting
            $0.beat.message = "Converting to \(format): \(Int(percent.isFinite ? min(max(percent, 0), 100) : 0)) %"
            $0.isDirty = true
            $0.moves += 1
        }
    }

    /// Told from now on with the progress.
    func note(remark: String) {
        state.withLock {
            $0.remark = "; \(remark.prefix(200))"
            $0.beat.message = Self.progressMessage($0.beat.bytesDone) + $0.remark
            $0.isDirty = true
        }
    }

    /// What moves while an attempt is alive, for the stall watchdog.
    ///
    /// A few bytes of a source may be decompressed for long: then `moves` grows, and `bytes` does not.
    var progress: (phase: TaskPhase, bytes: Int64, moves: UInt64) {
        state.withLock { ($0.beat.phase, $0.beat.bytesDone, $0.moves) }
    }

    /// Whether writing is paused because the lease could be over.
    var isPaused: Bool { state.withLock { !mayWrite($0) } }

    /// The words that Glance uses for an import's progress.
    static func progressMessage(_ bytes: Int64) -> String { "Copied \(bytes >> 20) MiB" }

    func pass() async throws {
        while true {
            if let lost = loss.peek { throw lost }
            let next: OneShot<Void>? = state.withLock { mayWrite($0) ? nil : $0.acknowledged }
            guard let next else { return }
            logger.notice("writing pauses: no heartbeat was acknowledged in time")
            try await next.wait()
        }
    }

    private func mayWrite(_ state: State) -> Bool {
        ContinuousClock.now < state.held + store.settings.lease - store.settings.margin
    }

    private func beatUntilLost() async {
        let interval = store.settings.beat
        let tick = min(interval, Self.progressInterval)
        var number = claimedNumber
        var lastSent = ContinuousClock.now
        var failures = 0
        do {
            while true {
                try await Task.sleep(for: tick)
                let now = ContinuousClock.now
                let beat: Beat? = state.withLock { state in
                    guard state.isDirty || now - lastSent >= interval || failures > 0 else { return nil }
                    state.isDirty = false
                    return state.beat
                }
                guard let beat else { continue }
                lastSent = now
                // A number is never sent twice: an earlier beat that is still on its way must not count as this one.
                number += 1
                do {
                    if let lost = try await store.beat(attempt, number: number, beat) {
                        return lose(lost)
                    }
                    if failures > 0 { logger.notice("heartbeats are accepted again") }
                    failures = 0
                    state.withLock { state -> OneShot<Void> in
                        state.held = now
                        defer { state.acknowledged = OneShot() }
                        return state.acknowledged
                    }.fulfil()
                } catch let error as LeaseStoreError {
                    failures += 1
                    if failures == 1 {
                        logger.warning("a heartbeat was not acknowledged", metadata: ["reason": "\(error)"])
                    }
                }
            }
        } catch {
            // Cancelled: the attempt has ended and needs no lease any more.
        }
    }

    private func lose(_ lost: LostLease) {
        loss.fulfil(lost)
        // Whoever waits at the gate has to hear of it.
        state.withLock { $0.acknowledged }.fulfil()
    }
}

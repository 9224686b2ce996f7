import NIOCore
import Synchronization

/// Fetches what lies ahead of a reader by several lines, in chunks beside each other, and gives it out in order.
///
/// A line is a connection after the other. One that is refused, or breaks too often, ends and leaves its chunk to the
/// others; when one alone would be left, or none, there is no more ahead, and the reader goes on by itself from where
/// it is. So every error is found, and told, by the reader. Until the first bytes are taken, the reader has a connection
/// of its own, and goes on with that if they do not come in time.
final class ReadAhead: Sendable {
    private struct State {
        var window: ReadAheadWindow
        /// That run.
        var lines = 0
        /// Whether bytes were taken: until then the reader has a connection besides.
        var hasBegun = false
        /// Whether nothing came in time.
        var isLate = false
        var isStopped = false
        var version = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let visit: SourceVisit
    let validators: SourceValidators
    /// Of the first byte that is fetched.
    let start: Int64
    private let state: Mutex<State>

    /// Fetches from `start` on by one line less than there may be: the reader has one.
    init(of visit: SourceVisit, _ validators: SourceValidators, from start: Int64, to end: Int64) {
        self.visit = visit
        self.validators = validators
        self.start = start
        let limits = visit.limits.readAhead
        state = Mutex(State(window: ReadAheadWindow(limits: limits, from: start, to: end)))
        let lines = max(limits.connections, 2) - 1
        changed { $0.lines = lines }
        for _ in 0..<lines { runLine() }
        visit.run { [self] in
            // Whoever is cancelled here waits for nothing any more.
            try? await Task.sleep(for: limits.patience)
            changed { state in
                guard !state.hasBegun, !state.window.hasNext else { return }
                (state.isLate, state.isStopped) = (true, true)
            }
        }
    }

    /// The next bytes; `nil`: there are no more ahead.
    /// - Throws: `CancellationError`.
    func take() async throws -> ByteBuffer? {
        let (bytes, isFirst) = try await when { state -> (ByteBuffer?, Bool)? in
            if state.isLate { return (nil, false) }
            if let bytes = state.window.take() {
                let isFirst = !state.hasBegun
                // The reader's own connection is not needed any more.
                if isFirst { state.lines += 1 }
                state.hasBegun = true
                return (bytes, isFirst)
            }
            return state.lines == 0 ? (nil, false) : nil
        }
        changed()
        if isFirst { runLine() }
        return bytes
    }

    /// Asks for nothing further; what has been asked for is still to be taken.
    func stop() { changed { $0.isStopped = true } }

    private func runLine() {
        visit.run { [self] in
            var line = ReadAheadLine(visit: visit, validators: validators)
            while let range = await claim() {
                let isDone = await line.fetch(range) { bytes in
                    changed { $0.window.add(bytes, to: range.upperBound + 1) }
                }
                changed { $0.window.release(range.upperBound + 1) }
                guard isDone else { break }
            }
            await line.close()
            changed { $0.lines -= 1 }
        }
    }

    /// Waits for something to fetch; `nil` if there is nothing for this line.
    private func claim() async -> ClosedRange<Int64>? {
        try? await when { state -> ClosedRange<Int64>?? in
            if let range = state.window.claimLeft() { return range }
            let isAlone = state.lines + (state.hasBegun ? 0 : 1) < 2
            if state.isStopped || isAlone || state.window.unclaimed == state.window.end { return .some(nil) }
            return state.window.claimNew().map { .some($0) }
        }
    }
}

extension ReadAhead {
    private func changed(_ change: (inout State) -> Void = { _ in }) {
        let waiting = state.withLock { state in
            change(&state)
            state.version += 1
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Looks, and looks again whenever something has changed.
    /// - Throws: `CancellationError`.
    private func when<Found>(_ look: (inout State) -> Found?) async throws -> Found {
        while true {
            try Task.checkCancellation()
            let (found, version) = state.withLock { state in (look(&state), state.version) }
            if let found { return found }
            await withTaskCancellationHandler {
                await withCheckedContinuation { waiter in
                    let mustWait = state.withLock { state in
                        guard state.version == version else { return false }
                        state.waiting.append(waiter)
                        return true
                    }
                    if !mustWait { waiter.resume() }
                }
            } onCancel: {
                changed()
            }
        }
    }
}

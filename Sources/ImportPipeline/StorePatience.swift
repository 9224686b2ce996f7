package import ImageStorage
package import ImportModel
import NIOCore
import NIOPosix
import Synchronization

/// How long calls of a store are waited for.
///
/// A system call on a store that hangs ends when it likes, and a service that answers a byte now and then never fails.
/// So each call runs in a task of its own, and one whose time is over is left behind there: nobody waits for it any
/// more, and when it ends after all somebody is told, since what it wrote is known to nobody.
package struct StorePatience: Sendable {
    /// For opening an object, and for the writing of one block.
    let call: Duration
    /// For a commit, which may have to bring all that was written onto a disk, or to put it together from its parts.
    var commit: Duration
    private let late: @Sendable (StoreID) async -> Void

    /// How much longer than the whole run stands still else a commit may take: minutes are usual for large objects, and
    /// with the usual stall a service of S3 has the quarter of an hour that it is asked to take at most.
    package static let commitFactor = 8
    /// A call whose caller is cancelled may end in order for so long.
    var grace: Duration = .seconds(5)

    /// - Parameters:
    ///   - stall: how long the whole run may stand still.
    ///   - mustAll: whether every store is needed. One that is not is given up sooner, so that the others go on.
    ///   - late: told of the store when a call that was left behind has ended.
    package init(stall: Duration, mustAll: Bool, late: @escaping @Sendable (StoreID) async -> Void) {
        // More than the silence after which a service of S3 is asked once more.
        call = mustAll ? stall : stall * 3 / 4
        commit = stall * Self.commitFactor
        self.late = late
    }

    /// How a call ended.
    package enum Ending<Value: Sendable>: Sendable {
        case ended(Result<Value, StorageError>)
        /// It has not ended; the caller leaves the store alone from now on.
        case leftBehind(StorageError)
    }

    /// Makes a call, and waits for its end or for `limit`.
    ///
    /// - Parameters:
    ///   - what: the call, as in "*opening an object* has not ended".
    ///   - latecomers: may end the wait before `limit`.
    ///   - cleaning: releases what the call holds when it was left behind and has ended.
    package func wait<Value: Sendable>(
        for store: StoreID, _ what: String, within limit: Duration, latecomers: Latecomers? = nil,
        _ call: @escaping @Sendable () async throws(StorageError) -> Value,
        cleaning: @escaping @Sendable (Value?) async -> Void
    ) async -> Ending<Value> {
        let end = CallEnd<Ending<Value>>()
        // Not a child: nothing could end before it does.
        let running = Task { [late] in
            let result: Result<Value, StorageError>
            do throws(StorageError) { result = .success(try await call()) } catch { result = .failure(error) }
            if end.fulfil(.ended(result)) { return }
            // In a task of its own, since this one has been cancelled.
            await Task {
                // A failure holds nothing.
                await cleaning(try? result.get())
                await late(store)
            }.value
        }
        // A timer of an event loop and no sleeping task: it leaves nothing behind when it is cancelled, and a fast
        // store ends a thousand calls a second.
        let leave = { @Sendable (reason: String) in
            if end.fulfil(.leftBehind(.unavailable(store, reason: reason))) { running.cancel() }
        }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let timer = loop.scheduleTask(in: TimeAmount(limit)) {
            leave("\(what) has not ended within \(limit.components.seconds) s")
        }
        defer { timer.cancel() }
        latecomers?.add { limit in leave("\(what) has not ended \(limit.components.seconds) s after another store's") }
        return await withTaskCancellationHandler {
            await end.wait()
        } onCancel: {
            running.cancel()
            loop.scheduleTask(in: TimeAmount(grace)) { leave("\(what) was given up") }
        }
    }
}

/// What one waits for: fulfilled once, by whoever is first.
private final class CallEnd<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiter: CheckedContinuation<Value, Never>?
    }

    private let state = Mutex(State())

    /// Whether it was this value that counted.
    func fulfil(_ value: Value) -> Bool {
        let (isFirst, waiter) = state.withLock { state in
            guard state.value == nil else { return (false, CheckedContinuation<Value, Never>?.none) }
            state.value = value
            return (true, state.waiter.take())
        }
        waiter?.resume(returning: value)
        return isFirst
    }

    func wait() async -> Value {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state in
                if state.value == nil { state.waiter = continuation }
                return state.value
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}

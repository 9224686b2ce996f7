import Dispatch
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import StorageConformance
import Synchronization

/// A store that keeps all event loops busy for a moment, in the middle of an object, and counts what is read meanwhile.
struct LoopHoldingStorage: WrappingStorage {
    /// What was read of an object.
    final class Loops: Sendable {
        private struct State {
            var count = 0
            var whileHeld = 0
            var isHeld = false
        }

        private let state = Mutex(State())

        /// All blocks, and those that were read while nothing could be sent; `nil`: none were.
        var blocks: (all: Int, whileHeld: Int)? {
            state.withLock { $0.count == 0 ? nil : ($0.count, $0.whileHeld) }
        }

        func note() {
            let isFourth = state.withLock { state in
                state.count += 1
                if state.isHeld { state.whileHeld += 1 }
                if state.count == 4 { state.isHeld = true }
                return state.count == 4
            }
            if isFourth { hold() }
        }

        private func hold() {
            let (letGo, loops) = (
                DispatchSemaphore(value: 0), Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
            )
            for loop in loops { loop.execute { letGo.wait() } }
            Task {
                // As long as a loop may be at work for others. Whoever does not wait for it reads ten blocks in that time.
                try? await Task.sleep(for: .milliseconds(100))
                state.withLock { $0.isHeld = false }
                for _ in loops { letGo.signal() }
            }
        }
    }

    let base: any ImageStorage
    let loops: Loops

    func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        let body = try await base.read(key, range: range)
        return ObjectBody(sizeBytes: body.sizeBytes, range: body.range) { range throws(StorageError) in
            loops.note()
            return try await body.block(range)
        }
    }
}

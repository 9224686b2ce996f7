import FilesystemStorage
import ImageStorage
import ImportModel
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct StoreRoundsTests {
    @Test func `a store that hangs holds up neither the rounds of the others nor their end`() async throws {
        let hanging = WorkBench.id("hanging")
        let rounds = StoreRounds(
            storages: ["hanging", "good"].map {
                FilesystemStorage(id: WorkBench.id($0), root: "/nowhere", threads: .singleton)
            }, interval: .milliseconds(5), grace: .milliseconds(20))
        let (letGo, hung, turns) = (OneShot<Void>(), OneShot<Void>(), Turns())
        let run = Task {
            await rounds.run { storage in
                guard storage.id == hanging else { return turns.count.withLock { $0 += 1 } }
                hung.fulfil()
                // As a system call, it does not end with the task that waits for it.
                await Task { try? await letGo.wait() }.value
            }
        }
        try await hung.wait()
        let before = turns.count.withLock(\.self)
        try await eventually { turns.count.withLock(\.self) > before + 3 }
        run.cancel()
        await run.value
        letGo.fulfil()
    }

    private final class Turns: Sendable {
        let count = Mutex(0)
    }
}

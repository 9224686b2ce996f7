import ImageStorage
import ImportModel
import ImportWorker
import Logging
import Synchronization

/// Looks at every store when the process starts, and at those that are not there again and again until they are.
///
/// A store that is down must not keep a process from the others. One that a person has to mend does: it is better seen
/// at the start than in every import.
final class StoreRollCall: Sendable {
    /// How long a start waits for a store that says nothing.
    private static let patience: Duration = .seconds(30)
    private static let pause: Duration = .seconds(5)

    /// Those that have been found; nothing is to be written into others.
    let ready = ReadyStores()
    private let setup: StoreSetup
    private let storages: [any ImageStorage]
    private let logger: Logger
    /// A store is set up at a start only, which somebody looks at: later, one without a marker is taken for a folder
    /// whose file system is being mended.
    private let isStarting = Mutex(true)
    private let looking = Mutex<[Task<Void, Never>]>([])
    /// Stores whose absence the log tells of, with the reason.
    private let told = Mutex<[StoreID: String]>([:])

    private enum Answer: Sendable {
        case ready(StoreID)
        case absent(StoreID)
        case refused(any Error)
        case timeIsUp
    }

    init(_ storages: [any ImageStorage], setup: StoreSetup, logger: Logger) {
        self.storages = storages
        self.setup = setup
        self.logger = logger
    }

    /// Those that the process works without, so far.
    var absent: [StoreID] {
        let ready = ready.ids
        return storages.map(\.id).filter { !ready.contains($0) }
    }

    /// Returns when each store has been looked at, or has had its time. To be followed by `end`, also if it throws.
    /// - Throws: `InvalidValue`, `StorageError` or `LeaseStoreError`: what has to be mended before this process starts.
    func begin() async throws {
        defer { isStarting.withLock { $0 = false } }
        let (answers, answer) = AsyncStream.makeStream(of: Answer.self)
        // Not children: a call of a store that hangs ends when it likes, and nobody waits for it.
        let tasks = storages.map { storage in Task { await look(at: storage) { answer.yield($0) } } }
        looking.withLock { $0 = tasks }
        let timer = Task {
            try await Task.sleep(for: Self.patience)
            answer.yield(.timeIsUp)
        }
        defer { timer.cancel() }
        var open = Set(storages.map(\.id))
        for await next in answers {
            switch next {
            case .ready(let id), .absent(let id): open.remove(id)
            case .refused(let error): throw error
            case .timeIsUp:
                for id in open { tell(id, "nothing came within \(Self.patience.components.seconds) s") }
                return
            }
            if open.isEmpty { return }
        }
    }

    /// Looks no more.
    func end() { for task in looking.withLock(\.self) { task.cancel() } }

    private func look(at storage: any ImageStorage, _ answer: (Answer) -> Void) async {
        while !Task.isCancelled {
            do {
                try await setup.check(storage) { isStarting.withLock(\.self) }
                if told.withLock({ $0.removeValue(forKey: storage.id) }) != nil {
                    logger.notice("store '\(storage.id)' is there, and is used from now on")
                }
                ready.add(storage.id)
                return answer(.ready(storage.id))
            } catch {
                // One that has to be mended ends the start, if that still waits.
                answer(Self.mayPass(error) ? .absent(storage.id) : .refused(error))
                tell(storage.id, "\(error)")
            }
            // Ends early only when this has been cancelled.
            try? await Task.sleep(for: Self.pause * Double.random(in: 0.9...1.1))
        }
    }

    private func tell(_ store: StoreID, _ reason: String) {
        guard told.withLock({ $0.updateValue(reason, forKey: store) }) != reason else { return }
        logger.error(
            "store '\(store)' cannot be used now; a process that runs works without it, and looks every few seconds",
            metadata: ["reason": "\(reason)"])
    }

    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        // A full store may be swept, which takes a process that runs.
        case StorageError.unavailable, StorageError.full: true
        default: false
        }
    }
}

import ArgumentParser
import ImageStorage
import ImportModel
import ImportWorker
import LeaseStore
import LongshoreClient
import NIOPosix
import Operations

/// `longshore doctor --deep`: the online check, over everything at once and not a part a minute.
struct DeepCheck: Sendable {
    /// Of which images the bytes are read.
    enum Reading: Equatable, ExpressibleByArgument {
        case all
        /// So many, chosen by chance.
        case some(Int)

        init?(argument: String) {
            switch (argument, Int(argument)) {
            case ("all", _): self = .all
            case (_, let count?) where count >= 0: self = .some(count)
            default: return nil
            }
        }
    }

    /// Images that are looked at in one step.
    private static let batch = 100

    let settings: Settings
    let reading: Reading
    /// Told how far it has come, in words.
    let onProgress: @Sendable (String) async -> Void

    /// - Throws: `LeaseStoreError` where the catalog cannot be looked at. What cannot be asked of a store is in the
    ///   report.
    func run() async throws -> DeepReport {
        try await settings.withCatalog { store in
            try await store.expectCatalog()
            var progress = Progress(interval: .seconds(5), tell: onProgress)
            let count = try await store.imageCount()
            var found = AuditReport()
            // In the order of the fleet's own audit: what `live` has lost is put back by the first, for the second.
            try await walk(store) { ids in
                found += try await store.auditImages(ids)
                await progress.tell("looked at \(found.looked[.images] ?? 0) of \(count) images")
            }
            found += try await store.auditTasks { looked in await progress.tell("looked at \(looked) live tasks") }
            var problems: [String] = []
            let toRead = try await sample(of: store, count)
            for place in settings.stores {
                do {
                    found += try await settings.withStorage(place) { storage in
                        try await objects(of: storage, store, count, toRead, &progress)
                    }
                } catch let error where !(error is CancellationError) {
                    problems.append("\(error)")
                }
            }
            return DeepReport(found, problems: problems, counters: try await store.counters())
        }
    }

    /// - Parameter toRead: the images whose bytes are read; `nil`: all.
    private func objects(
        of storage: any ImageStorage, _ store: LeaseStore, _ count: Int, _ toRead: Set<ImageID>?,
        _ progress: inout Progress
    ) async throws -> AuditReport {
        let sizes = ObjectAudit(store: store, storage: storage)
        let digests = ObjectAudit(store: store, storage: storage, digestsOn: .singleton)
        try await sizes.expectOwnStore()
        var found = AuditReport()
        var seen = 0
        var bytes: Int64 = 0
        try await walk(store) { ids in
            found += try await sizes.look(at: ids.filter { !(toRead?.contains($0) ?? true) })
            for id in ids where toRead?.contains(id) ?? true {
                found += try await digests.look(at: [id]) { more in
                    bytes += Int64(more)
                    await progress.tell(
                        "store '\(storage.id)': \(seen) of \(count) images, \(HumanUnits.bytes(bytes)) read")
                }
            }
            seen += ids.count
            await progress.tell("store '\(storage.id)': \(seen) of \(count) images")
        }
        return found
    }

    private func walk(_ store: LeaseStore, _ body: ([ImageID]) async throws -> Void) async throws {
        var cursor: String?
        repeat {
            let scan = try await store.scanImages(after: cursor, atMost: Self.batch)
            try await body(scan.ids)
            cursor = scan.next
            try Task.checkCancellation()
        } while cursor != nil
    }

    private func sample(of store: LeaseStore, _ count: Int) async throws -> Set<ImageID>? {
        guard case .some(let wanted) = reading else { return nil }
        var chosen: Set<ImageID> = []
        for rank in (0..<count).shuffled().prefix(wanted) {
            chosen.formUnion(try await store.imageIDs(newestFirst: false, offset: rank, count: 1))
        }
        return chosen
    }

    /// A line now and then, for whoever waits.
    private struct Progress {
        let interval: Duration
        let tell: @Sendable (String) async -> Void
        private var next: ContinuousClock.Instant

        init(interval: Duration, tell: @escaping @Sendable (String) async -> Void) {
            self.interval = interval
            self.tell = tell
            next = .now + interval
        }

        mutating func tell(_ text: @autoclosure () -> String) async {
            guard ContinuousClock.now >= next else { return }
            next = .now + interval
            await tell(text())
        }
    }
}

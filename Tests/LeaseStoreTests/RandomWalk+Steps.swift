import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// What a fleet and its users may do.
extension RandomWalk {
    func act() async throws -> String {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<20: try await create()
        case 20..<22: try await repeatCreate()
        case 22..<27: try await open()
        case 27..<43: try await claim()
        case 43..<45: try await replayClaim()
        case 45..<48: try await beat()
        case 48..<50: try await keep()
        case 50..<52: try await copyOn()
        case 52..<58: try await publish()
        case 58..<64: try await fail()
        case 64..<67: try await release()
        case 67..<73: try await growOld()
        case 73..<78: try await suspect()
        case 78..<82: try await recover()
        case 82..<84: try await cancel()
        case 84..<88: try await delete()
        case 88..<89: try await deleteLocation()
        case 89..<92: try await nameGarbage()
        case 92..<95: try await sweep()
        case 95..<96: try await pause()
        case 96..<97: try await update()
        case 97..<98: try await expire()
        default: try await audit()
        }
    }

    func newImage() async throws -> ImageID {
        try await fleet.image(owner: pick(Self.owners) ?? "a")
    }

    private func create() async throws -> String {
        guard let image = pick(images), let record = try await fleet.store.image(image) else { return "no image" }
        if record.status == .active, chance(80) { return try await copy(image) }
        let direct = record.stage != nil
        var stores = Self.stores.filter { _ in Bool.random(using: &random) }
        if stores.isEmpty { stores = [Fleet.main] }
        let task = NewTask(
            id: .random(), image: image,
            request: ImportRequest(method: direct ? .glanceDirect : .webDownload, stores: stores),
            owner: pick(Self.owners) ?? "a", priority: Int.random(in: 0...9, using: &random),
            sourceBytes: Bool.random(using: &random) ? 1000 : nil, mayForce: chance(10))
        let wanted: ImageStatus = direct ? .uploading : .queued
        creates.append((task, wanted))
        return describe("create", try await fleet.store.createImport(task, wanted: wanted))
    }

    private func copy(_ image: ImageID) async throws -> String {
        let lacking = Self.stores.filter { published[image]?.locations[$0] == nil }
        let store = chance(80) ? pick(lacking) : pick(Self.stores)
        let task = NewTask(
            id: .random(), image: image,
            request: ImportRequest(
                method: .copyImage, stores: [store ?? Fleet.far], allStoresMustSucceed: chance(50)),
            owner: pick(Self.owners) ?? "a", mayForce: chance(10))
        creates.append((task, .active))
        copies.insert(task.id)
        return describe("copy", try await fleet.store.createImport(task, wanted: .active))
    }

    /// The next thing that brings a copy on its way.
    private func copyOn() async throws -> String {
        let isRunning = attempts.contains {
            copies.contains($0.id.task) && progress[$0.id.task.rawValue]?.state == .processing
        }
        if isRunning, chance(70) { return try await locate() }
        let isWaiting = copies.contains { progress[$0.rawValue]?.state == .pending }
        if isWaiting, chance(70) { return try await claim() }
        guard let image = pick(images.filter { published[$0] != nil }), chance(80) else { return try await locate() }
        return try await copy(image)
    }

    private func locate() async throws -> String {
        let own = attempts.filter { copies.contains($0.id.task) }
        // Mostly one that is alive.
        let alive = own.last { progress[$0.id.task.rawValue]?.state == .processing }
        guard let attempt = chance(75) ? alive ?? own.last : pick(own), let store = attempt.stores.first else {
            return "no copy"
        }
        let known = published[attempt.image]
        let digests = chance(90) ? known?.digests : attempt.content.digests
        let reply = try await fleet.store.locate(
            attempt.id, in: store, sizeBytes: 4096, digests ?? attempt.content.digests)
        if reply == .located, known?.locations[store] == nil {
            #expect(digests == known?.digests, "O5 other bytes were located")
            let key = ObjectKey(image: attempt.image, nonce: attempt.id.nonce).description
            published[attempt.image]?.locations[store] = key
        }
        return "locate \(word(reply))"
    }

    private func repeatCreate() async throws -> String {
        guard let old = pick(creates) else { return "no create" }
        let known = try await fleet.store.task(old.task.id) != nil
        let reply = try await fleet.store.createImport(old.task, wanted: old.wanted)
        if known, case .created = reply { return "create again" }
        #expect(!known)
        return describe("create at last", reply)
    }

    private func open() async throws -> String {
        if !opens.isEmpty, chance(20), let old = pick(opens), try await fleet.store.task(old.task.id) != nil {
            _ = try await fleet.store.openUpload(
                old.task, kind: old.kind, nonce: old.attempt.nonce, process: Self.processes[0])
            return "open again"
        }
        guard let image = pick(images), let process = pick(Self.processes) else { return "no image" }
        let store = Fleet.main
        let task = NewTask(
            id: .random(), image: image, request: ImportRequest(method: nil, stores: [store]),
            owner: pick(Self.owners) ?? "a", mayForce: chance(5))
        let kind: TaskKind = chance(60) ? .stage : .upload
        let attempt = AttemptID(task: task.id, nonce: .mint())
        let reply = try await fleet.store.openUpload(task, kind: kind, nonce: attempt.nonce, process: process)
        if case .created = reply {
            opens.append((task, kind, attempt))
            remember(attempt, image, process, [store], beatSeq: 1, stage: nil)
        }
        return describe("open", reply)
    }

    private func claim() async throws -> String {
        guard let process = pick(Self.processes) else { return "no process" }
        let stores = chance(70) ? Self.stores : [Fleet.main]
        claims.append((.mint(), process, stores))
        return try await claim(claims.count - 1)
    }

    private func replayClaim() async throws -> String {
        guard !claims.isEmpty else { return "no claim" }
        return "old " + (try await claim(Int.random(in: 0..<claims.count, using: &random)))
    }

    private func claim(_ index: Int) async throws -> String {
        let (nonce, process, stores) = claims[index]
        switch try await fleet.store.claim(nonce: nonce, process: process, stores: stores) {
        case .task(let claim):
            if let old = attempts.first(where: { $0.id.nonce == nonce }) {
                #expect(old.id.task == claim.task.id, "L4 a nonce was given a second task")
            } else {
                remember(
                    claim.attempt, claim.task.image, process, claim.task.request.stores,
                    beatSeq: claim.task.beatSeq, stage: claim.image.stage,
                    handed: claim.checkpoint?.objects ?? [:])
            }
            return "claim task"
        case .empty: return "claim empty"
        case .paused: return "claim paused"
        case .over: return "claim over"
        }
    }

    private func beat() async throws -> String {
        guard let index = pickAttempt() else { return "no attempt" }
        if chance(80) { attempts[index].beatSeq += 1 }
        let beat = Beat(phase: .streaming, message: "…", bytesDone: 5, bytesTotal: chance(50) ? 10 : nil)
        let lost = try await fleet.store.beat(attempts[index].id, number: attempts[index].beatSeq, beat)
        return lost == nil ? "beat ok" : "beat lost"
    }

    /// Mostly of its own objects; of those that were handed over to it; or none.
    private func keep() async throws -> String {
        guard let index = pickAttempt() else { return "no attempt" }
        let attempt = attempts[index]
        let key = ObjectKey(image: attempt.image, nonce: attempt.id.nonce).description
        var checkpoint = KeptCheckpoint(
            value: "\(attempt.beatSeq)", objects: Dictionary(uniqueKeysWithValues: attempt.stores.map { ($0, key) }))
        if let store = attempt.handed.keys.min(), chance(50) { checkpoint.objects[store] = attempt.handed[store] }
        do {
            if chance(20) {
                let lost = try await fleet.store.forgetCheckpoint(of: attempt.id, because: "changed")
                return lost == nil ? "forget ok" : "forget lost"
            }
            let lost = try await fleet.store.keep(checkpoint, of: attempt.id)
            return lost == nil ? "keep ok" : "keep lost"
        } catch LeaseStoreError.malformed {
            // Its own task had another checkpoint since, or it is none that has any.
            return "keep refused"
        }
    }

    private func publish() async throws -> String {
        guard let index = pickAttempt() else { return "no attempt" }
        let attempt = attempts[index]
        var content = attempt.content
        if content.locations.count > 1, chance(30), let store = content.locations.keys.min() {
            content.locations[store] = nil
            content.failedStores[store] = "full"
        }
        if let store = attempt.handed.keys.min(), content.locations[store] != nil, chance(30) {
            content.locations[store] = attempt.handed[store]
        }
        let reply = try await fleet.store.publish(
            attempt.id, content, diskFormat: "raw", containerFormat: "bare", message: "done")
        return "publish \(word(reply))"
    }

    private func fail() async throws -> String {
        guard let index = pickAttempt() else { return "no attempt" }
        let failure: LeaseStore.Failure =
            chance(60)
            ? .retry(after: chance(50) ? .zero : .milliseconds(20))
            : chance(50) ? .reject : .workerFault(retryAfter: .zero)
        return "fail \(word(try await fleet.store.fail(attempts[index].id, failure, reason: "why")))"
    }

    private func release() async throws -> String {
        guard let index = pickAttempt() else { return "no attempt" }
        return "release \(word(try await fleet.store.release(attempts[index].id)))"
    }

    private func growOld() async throws -> String {
        guard
            let id = pick(progress.filter { !$0.value.state.isTerminal }.keys.sorted()).flatMap(TaskID.init(rawValue:))
        else { return "no task" }
        try await fleet.age(id, by: chance(50) ? .seconds(1) : .seconds(8000))
        return "grow old"
    }

    private func suspect() async throws -> String {
        guard let (id, seq) = pickRunning() else { return "nothing runs" }
        let reply = try await fleet.store.suspect(id, beatSeq: chance(85) ? seq : seq - 1)
        return "suspect \(reply)"
    }

    private func recover() async throws -> String {
        guard let (id, seq) = pickRunning() else { return "nothing runs" }
        let reply = try await fleet.store.recover(
            id, beatSeq: chance(90) ? seq : seq - 1, dead: chance(30) ? pick(Self.processes) : nil)
        return "recover \(reply)"
    }

    private func cancel() async throws -> String {
        let isLive = chance(50)
        let ids = progress.filter { !isLive || !$0.value.state.isTerminal }.keys.sorted()
        guard let id = pick(ids).flatMap(TaskID.init(rawValue:)) else { return "no task" }
        let reply = try await fleet.store.cancel(id, message: "enough")
        return reply == .cancelled ? "cancel" : "cancel too late"
    }

    private func delete() async throws -> String {
        // Mostly active ones, so that others come up.
        let active = images.filter { published[$0] != nil }
        guard let image = chance(80) ? pick(active) ?? pick(images) : pick(images) else { return "no image" }
        #expect(try await fleet.store.deleteImage(image) == .deleted)
        published[image] = nil
        images.removeAll { $0 == image }
        images.append(try await newImage())
        return "delete"
    }

    private func deleteLocation() async throws -> String {
        // Mostly from a store that is not the only one.
        let copied = images.filter { published[$0].map { $0.locations.count > 1 } ?? false }
        guard let image = chance(80) ? pick(copied) ?? pick(images) : pick(images) else { return "no image" }
        guard let store = pick(published[image].map { $0.locations.keys.sorted() } ?? Self.stores) else {
            return "no store"
        }
        let reply = try await fleet.store.deleteLocation(of: image, in: store)
        if reply == .deleted {
            #expect((published[image]?.locations.count ?? 0) > 1, "O5 an image lost its last location")
            published[image]?.locations[store] = nil
        }
        return "delete location \(word(reply))"
    }

    private func nameGarbage() async throws -> String {
        guard let attempt = pick(attempts) else { return "no attempt" }
        let key = ObjectKey(image: attempt.image, nonce: attempt.id.nonce).description
        try await fleet.store.nameGarbage(Self.stores.map { (store: $0, key: key) })
        return "name garbage"
    }

    private func sweep() async throws -> String {
        guard let store = pick(Self.stores) else { return "no store" }
        let batch = try await fleet.store.takeGarbage(of: store, olderThan: .zero, atMost: 5)
        // What a running attempt may still be writing must not be among it either.
        let running = try await running().filter { id in
            attempts.contains { $0.id == id && $0.stores.contains(store) }
        }
        for entry in batch.entries {
            #expect(!running.contains { entry.key.hasSuffix($0.nonce.rawValue) }, "O6 a running attempt's object")
            deleted.insert("\(store) \(entry.key)")
        }
        try await fleet.store.finishGarbage(of: store, batch.entries)
        return batch.entries.isEmpty ? "sweep nothing" : "sweep"
    }

    private func pause() async throws -> String {
        try await fleet.store.setPaused(chance(15))
        return "pause or resume"
    }

    private func update() async throws -> String {
        guard let image = pick(images), let record = try await fleet.store.image(image) else { return "no image" }
        var changed = record
        changed.name = "name \(random.next())"
        #expect(try await fleet.store.updateImage(record, to: changed) == .updated(revision: record.revision + 1))
        return "update"
    }

    private func expire() async throws -> String {
        // Most of the finished ones at once, so that a long walk does not slow down.
        for id in progress.filter({ $0.value.state.isTerminal }).keys.sorted() where chance(70) {
            try await fleet.client.send("HSET", "\(fleet.store.keys.tag)task:\(id)", "expires_at", 1)
            try await fleet.client.send("ZADD", fleet.store.keys.done, 1, id)
        }
        let count = try await fleet.store.expireTasks()
        return count > 0 ? "expire" : "expire nothing"
    }

    private func audit() async throws -> String {
        if chance(30), let (id, _) = pickRunning() {
            try await fleet.client.send("HSET", fleet.store.keys.task(id), "deadline_at", 1)
        }
        let report = try await fleet.look()
        #expect(report.faults == [])
        return report.ended > 0 ? "audit ends" : "audit"
    }
}

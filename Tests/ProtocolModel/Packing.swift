/// A state as bytes, equal exactly where states are equal: what the explorer compares by.
///
/// Whoever adds a field to the state adds it here; a test compares with `==`.
package struct Packer {
    package private(set) var bytes: [UInt8] = []

    package init() { bytes.reserveCapacity(512) }

    mutating func reset() { bytes.removeAll(keepingCapacity: true) }

    mutating func add(_ number: Int) { bytes.append(UInt8(truncatingIfNeeded: number)) }
    mutating func add(_ number: Int?) { bytes.append(UInt8(truncatingIfNeeded: (number ?? -1) + 1)) }
    mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }
    mutating func add(_ bits: Bits) { add(wide: UInt64(bits.raw), bytes: 4) }

    mutating func add(wide: UInt64, bytes count: Int = 8) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: wide >> UInt64(8 * index))) }
    }

    package mutating func add(_ redis: Redis) {
        for image in redis.images {
            add(Int(image.status.rawValue))
            add(image.lock)
            add(image.stage)
            for location in image.locations { add(location) }
            add(image.digest)
            add(image.format)
        }
        for task in redis.tasks { add(task) }
        for claim in redis.claims { add(claim) }
        for bits in [redis.live, redis.queued, redis.delayed, redis.due, redis.leases] { add(Int(bits.raw)) }
        for score in redis.ring { add(score.map { 16 + $0 }) }
        add(redis.sequence)
        add(redis.isPaused)
        add(redis.garbage)
        add(redis.ripe)
        add(redis.renewed)
        add(redis.tokens)
        add(redis.catalog)
        add(redis.run)
    }

    private mutating func add(_ task: Task) {
        add(Int(task.state.rawValue))
        add(task.result.map { Int($0.rawValue) })
        add(Int(task.prior.rawValue))
        add(task.attempt)
        add(task.spent)
        add(task.nonce)
        add(task.worker)
        add(task.beat)
        add(task.suspect?.run)
        add(task.suspect?.beat)
        add(task.isOld)
        add(task.isOverdue)
        add(task.place)
        add(task.settled.map { Int($0.rawValue) })
        add(Int(task.located.raw))
        add(task.stole)
        add(task.kept)
    }

    package mutating func add(_ state: State) {
        add(state.redis)
        add(state.replica != nil)
        if let replica = state.replica { add(replica) }
        add(state.backup != nil)
        if let backup = state.backup { add(backup) }
        add(state.marker.mark)
        add(state.marker.isHeld)
        for worker in state.workers { add(worker) }
        add(state.sweeper.store)
        add(state.sweeper.taken)
        add(state.sweeper.undeleted)
        add(state.late.count)
        for call in state.late { add(wide: call.order) }
        add(state.writes.count)
        for write in state.writes {
            add(write.object)
            add(write.content)
        }
        for content in state.objects { add(content) }
        add(state.unfinished)
        add(Int(state.told.created.raw))
        add(Int(state.told.cancelled.raw))
        add(Int(state.told.deleted.raw))
        add(Int(state.told.published.raw))
        add(state.told.isPaused)
        add(state.told.lost)
        add(state.told.strays)
        add(state.budget.copies)
        add(state.budget.crashes)
        add(state.budget.beats)
        add(state.budget.restarts)
        add(state.budget.failovers)
        add(state.budget.pauses)
        add(state.budget.patches)
        add(state.budget.switches)
        add(state.budget.removals)
        add(state.budget.losses)
        add(state.budget.checkpoints)
        add(state.minted)
    }

    private mutating func add(_ worker: Worker) {
        switch worker.phase {
        case .idle: add(0)
        case .asking(let call):
            add(1)
            add(wide: call.order)
        case .running: add(2)
        case .settling(let call):
            add(3)
            add(wide: call.order)
        case .naming: add(4)
        case .finished: add(5)
        case .dead: add(6)
        }
        add(worker.task)
        add(worker.nonce)
        add(worker.stage)
        add(worker.format)
        add(worker.handed)
        add(worker.digest)
        add(Int(worker.located.raw))
        add(worker.beat)
        add(Int(worker.written.raw))
        add(Int(worker.failed.raw))
        add(worker.saves)
    }
}

extension Call {
    /// A number of its own for each call of a configuration.
    var order: UInt64 {
        func number(_ tag: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ bits: Bits = []) -> UInt64 {
            UInt64(tag) | UInt64(a) << 6 | UInt64(b) << 12 | UInt64(c) << 18 | UInt64(bits.raw) << 32
        }
        func number(_ tag: Int, _ publish: Publish) -> UInt64 {
            number(tag, publish.task, publish.nonce, publish.digest, publish.objects)
                | UInt64(publish.format) << 24 | UInt64(publish.failed.raw) << 25
                | (publish.converted == nil ? 0 : 1 << 29)
        }
        return switch self {
        case .importCreate(let task): number(1, task)
        case .uploadOpen(let task, let nonce, let worker): number(2, task, nonce, worker)
        case .importClaim(let nonce, let worker): number(3, nonce, worker)
        case .importBeat(let task, let nonce, let beat): number(4, task, nonce, beat)
        case .importPublish(let publish): number(5, publish)
        case .importCheckpoint(let task, let nonce, let objects): number(30, task, nonce, 0, objects)
        case .importLocate(let locate):
            number(28, locate.task, locate.nonce, locate.store) | UInt64(locate.digest) << 24
        case .importFail(let task, let nonce, let how): number(6, task, nonce, Int(how.rawValue))
        case .importRelease(let task, let nonce): number(7, task, nonce)
        case .importSuspect(let task, let beat): number(8, task, beat)
        case .importRecover(let task, let beat, let dead): number(9, task, beat, (dead ?? -1) + 1)
        case .importCancel(let task): number(10, task)
        case .imageUpdate(let image, let format): number(11, image, format)
        case .imageDelete(let image): number(12, image)
        case .locationDelete(let image, let store): number(29, image, store)
        case .imageSwitch(let image, let isActive): number(27, image, isActive ? 1 : 0)
        case .garbageName(let objects): number(13, 0, 0, 0, objects)
        case .garbageTake(let store): number(14, store)
        case .garbageDone(let store, let objects): number(15, store, 0, 0, objects)
        case .queuePause(let isPaused): number(16, isPaused ? 1 : 0)
        case .auditStep: number(17)
        case .auditIndex: number(25)
        case .auditImage(let image): number(26, image)
        case .part(.createLock(let task)): number(18, task)
        case .part(.createTask(let task)): number(19, task)
        case .part(.createQueue(let task)): number(20, task)
        case .part(.beatRead(let task, let nonce)): number(21, task, nonce)
        case .part(.beatSave(let task, let nonce, let beat)): number(22, task, nonce, beat)
        case .part(.publishCheck(let task, let nonce)): number(23, task, nonce)
        case .part(.publishWrite(let publish)): number(24, publish)
        }
    }
}

/// 128 bits of a packed state. That two of ten million states share one has a chance of about 10⁻²⁵.
package struct Fingerprint: Hashable, Sendable {
    package var low: UInt64
    package var high: UInt64

    package init(_ bytes: [UInt8]) {
        var low: UInt64 = 0x9E37_79B9_7F4A_7C15
        var high: UInt64 = 0xD1B5_4A32_D192_ED03
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                var word: UInt64 = 0
                if offset + 8 <= raw.count {
                    word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                } else {
                    for index in offset..<raw.count { word |= UInt64(raw[index]) << UInt64(8 * (index - offset)) }
                }
                offset += 8
                let left = (low ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
                low = left.high ^ left.low &+ 0x2545_F491_4F6C_DD1D
                let right = (high &+ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
                high = (right.high &+ right.low) ^ (high << 17 | high >> 47)
            }
        }
        self.low = low ^ UInt64(bytes.count)
        self.high = high
    }
}

/// The Lua scripts as functions over a value, one for each file of `Sources/LeaseStore/Scripts` and named after it.
/// Each reads like its script; what they share is in `ScriptModel+Prelude`, as in `prelude.lua`.
package struct ScriptModel: Sendable {
    package let configuration: Configuration
    /// The rule that this exploration does without.
    package let removed: Rule?

    package init(_ configuration: Configuration, removed: Rule? = nil) {
        self.configuration = configuration
        self.removed = removed
    }

    /// Carries a call out and answers it.
    package func run(_ call: Call, on redis: inout Redis) -> Reply {
        switch call {
        case .importCreate(let task): importCreate(&redis, task)
        case .uploadOpen(let task, let nonce, let worker): uploadOpen(&redis, task, nonce, worker)
        case .importClaim(let nonce, let worker): importClaim(&redis, nonce, worker)
        case .importBeat(let task, let nonce, let number): importBeat(&redis, task, nonce, number)
        case .importCheckpoint(let task, let nonce, let objects): importCheckpoint(&redis, task, nonce, objects)
        case .importPublish(let publish): importPublish(&redis, publish)
        case .importLocate(let locate): importLocate(&redis, locate)
        case .importFail(let task, let nonce, let how): importFail(&redis, task, nonce, how)
        case .importRelease(let task, let nonce): importRelease(&redis, task, nonce)
        case .importSuspect(let task, let beat): importSuspect(&redis, task, beat)
        case .importRecover(let task, let beat, let dead): importRecover(&redis, task, beat, dead)
        case .importCancel(let task): importCancel(&redis, task)
        case .imageUpdate(let image, let format): imageUpdate(&redis, image, format)
        case .imageDelete(let image): imageDelete(&redis, image)
        case .locationDelete(let image, let store): locationDelete(&redis, image, store)
        case .imageSwitch(let image, let isActive): imageSwitch(&redis, image, isActive)
        case .garbageName(let objects): garbageName(&redis, objects)
        case .garbageTake(let store): garbageTake(&redis, store)
        case .garbageDone(let store, let objects): garbageDone(&redis, store, objects)
        case .queuePause(let isPaused): queuePause(&redis, isPaused)
        case .auditStep: auditStep(&redis)
        // There is nothing for them to do in a sound catalog.
        case .auditIndex, .auditImage: .audited
        case .part(let part): run(part, on: &redis)
        }
    }

    private func queuePause(_ redis: inout Redis, _ isPaused: Bool) -> Reply {
        redis.isPaused = isPaused
        return isPaused ? .paused : .resumed
    }
}

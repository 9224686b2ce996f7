/// Calls and replies as they are printed in traces: the script's own name, and what matters.
extension Call: CustomStringConvertible {
    package var description: String {
        switch self {
        case .importCreate(let task): "import-create of task \(task)"
        case .uploadOpen(let task, let nonce, _): "upload-open of task \(task), nonce \(nonce)"
        case .importClaim(let nonce, _): "import-claim, nonce \(nonce)"
        case .importBeat(let task, let nonce, let number): "import-beat \(number) of task \(task), nonce \(nonce)"
        case .importCheckpoint(let task, let nonce, let objects):
            "import-checkpoint of task \(task), nonce \(nonce)"
                + (objects.isEmpty ? ", to forget it" : ": objects \(objects)")
        case .importPublish(let publish): "import-publish of \(publish)"
        case .importLocate(let locate):
            "import-locate of task \(locate.task), nonce \(locate.nonce), in store \(locate.store)"
        case .importFail(let task, let nonce, let how): "import-fail (\(how)) of task \(task), nonce \(nonce)"
        case .importRelease(let task, let nonce): "import-release of task \(task), nonce \(nonce)"
        case .importSuspect(let task, let beat): "import-suspect of task \(task), beat \(beat)"
        case .importRecover(let task, let beat, let dead):
            "import-recover of task \(task), beat \(beat)" + (dead.map { ", worker \($0) is dead" } ?? "")
        case .importCancel(let task): "import-cancel of task \(task)"
        case .imageUpdate(let image, let format): "image-update of image \(image), format \(format)"
        case .imageDelete(let image): "image-delete of image \(image)"
        case .locationDelete(let image, let store): "location-delete of image \(image) in store \(store)"
        case .imageSwitch(let image, let isActive):
            "image-switch of image \(image) to \(isActive ? "active" : "deactivated")"
        case .garbageName(let objects): "garbage-name of objects \(objects)"
        case .garbageTake(let store): "garbage-take in store \(store)"
        case .garbageDone(_, let objects): "garbage-done of objects \(objects)"
        case .queuePause(let isPaused): isPaused ? "queue-pause" : "queue-pause, to resume"
        case .auditStep: "audit-step"
        case .auditIndex: "audit-index"
        case .auditImage(let image): "audit-image of image \(image)"
        case .part(.createLock(let task)): "create, lock only, of task \(task)"
        case .part(.createTask(let task)): "create, task only, of task \(task)"
        case .part(.createQueue(let task)): "create, queue only, of task \(task)"
        case .part(.beatRead(let task, let nonce)): "beat, reading task \(task), nonce \(nonce)"
        case .part(.beatSave(let task, let nonce, _)): "beat, saving task \(task), nonce \(nonce)"
        case .part(.publishCheck(let task, let nonce)): "publish, checking task \(task), nonce \(nonce)"
        case .part(.publishWrite(let publish)): "publish, writing \(publish)"
        }
    }
}

extension Publish: CustomStringConvertible {
    package var description: String { "task \(task), nonce \(nonce): objects \(objects), bytes of \(digest)" }
}

extension Bits: CustomStringConvertible {
    package var description: String { "{\(map { "\($0)" }.joined(separator: ", "))}" }
}

extension Reply: CustomStringConvertible {
    package var description: String {
        switch self {
        case .created(let prior, let stolen):
            "created, was \(prior)" + (stolen.map { ", stolen from task \($0)" } ?? "")
        case .opened(let prior, let stolen): "opened, was \(prior)" + (stolen.map { ", stolen from task \($0)" } ?? "")
        case .noImage: "no-image"
        case .locked(let task): "locked by task \(task)"
        case .wrongStatus(let status): "wrong-status \(status)"
        case .task(let claimed): "task \(claimed.task), beat \(claimed.beat)"
        case .empty: "empty"
        case .paused: "paused"
        case .resumed: "resumed"
        case .over: "over"
        case .ok: "ok"
        case .kept: "kept"
        case .stored(let store): "stored in store \(store)"
        case .published: "published"
        case .located: "located"
        case .gone: "gone"
        case .changed: "changed"
        case .lost(.ended(let result)): "lost: \(result)"
        case .lost(let why): "lost: \(why)"
        case .requeued: "requeued"
        case .ended: "ended"
        case .released: "released"
        case .suspected: "suspected"
        case .moved: "moved"
        case .alive: "alive"
        case .cancelled: "cancelled"
        case .terminal(let state): "terminal \(state)"
        case .noTask: "no-task"
        case .updated: "updated"
        case .deleted: "deleted"
        case .switched: "switched"
        case .noLocation: "no-location"
        case .lastLocation: "last-location"
        case .named(let count): "named \(count)"
        case .taken(let objects): "taken \(objects)"
        case .done(let count): "done \(count)"
        case .next(let ended): "next, \(ended) ended"
        case .audited: "audited"
        case .refused: "an error"
        }
    }
}

/// A call of a script, with the arguments that the model tells apart.
package enum Call: Hashable, Sendable {
    case importCreate(task: Int)
    case uploadOpen(task: Int, nonce: Int, worker: Int)
    case importClaim(nonce: Int, worker: Int)
    case importBeat(task: Int, nonce: Int, number: Int)
    /// What another attempt needs to go on; no objects: it is forgotten, since the attempt begins anew.
    case importCheckpoint(task: Int, nonce: Int, objects: Bits)
    case importPublish(Publish)
    case importLocate(Locate)
    case importFail(task: Int, nonce: Int, how: Failure)
    case importRelease(task: Int, nonce: Int)
    case importSuspect(task: Int, beat: Int)
    case importRecover(task: Int, beat: Int, dead: Int?)
    case importCancel(task: Int)
    case imageUpdate(image: Int, format: Int)
    case imageDelete(image: Int)
    case locationDelete(image: Int, store: Int)
    case imageSwitch(image: Int, isActive: Bool)
    case garbageName(objects: Bits)
    case garbageTake(store: Int)
    case garbageDone(store: Int, objects: Bits)
    case queuePause(Bool)
    case auditStep
    case auditIndex
    case auditImage(image: Int)
    /// Only where a rule is removed: a part of a script that has been taken apart.
    case part(Part)
}

package enum Failure: UInt8, Hashable, Sendable, CaseIterable {
    /// Again at once; again after a delay; never again; again, and nothing spent.
    case retryNow, retryLater, reject, workerFault
}

package struct Publish: Hashable, Sendable {
    package var task: Int
    package var nonce: Int
    /// The objects that the image is pointed at.
    package var objects: Bits
    /// Whose bytes they are, as the digests tell.
    package var digest: Int
    /// The formats that were imported.
    package var format: Int
    /// Stores in which writing failed.
    package var failed = Bits()
    /// The format that the bytes were converted to.
    package var converted: Int?
}

package struct Locate: Hashable, Sendable {
    package var task: Int
    package var nonce: Int
    package var store: Int
    /// Whose bytes were written, as the digests tell.
    package var digest: Int
}

/// Steps that the six rules forbid to be steps.
package enum Part: Hashable, Sendable {
    case createLock(task: Int)
    case createTask(task: Int)
    case createQueue(task: Int)
    case beatRead(task: Int, nonce: Int)
    case beatSave(task: Int, nonce: Int, number: Int)
    case publishCheck(task: Int, nonce: Int)
    case publishWrite(Publish)
}

/// What a script answers; its first word, and what comes with it as far as anyone decides by it.
package enum Reply: Hashable, Sendable {
    case created(prior: ImageStatus, stolen: Int?)
    case opened(prior: ImageStatus, stolen: Int?)
    case noImage, locked(by: Int), wrongStatus(ImageStatus), stored(Int)
    case task(Claimed)
    case empty, paused, resumed, over
    case ok, kept, published, located, gone, changed
    case lost(Lost)
    case requeued, ended, released
    case suspected, moved, alive
    case cancelled, terminal(TaskState), noTask
    case updated, deleted, switched, noLocation, lastLocation
    case named(Int), taken(Bits), done(Int), next(ended: Int), audited
    /// An error: the caller broke the rules of the call.
    case refused
}

/// What a claim tells the worker.
package struct Claimed: Hashable, Sendable {
    package var task: Int
    package var nonce: Int
    package var beat: Int
    package var stage: Int?
    package var format: Int
    /// What the checkpoint names.
    package var kept = Bits()
    /// Whose bytes the image has already, and the stores that earlier attempts have copied them to.
    package var digest: Int?
    package var located = Bits()
}

/// Why a lease is lost.
package enum Lost: Hashable, Sendable {
    case gone, recovered, superseded
    case ended(TaskResult)
}

extension Call {
    /// Whether the caller is answered only once the change cannot be lost any more (rule 6). As in `LeaseStore`.
    var isDurable: Bool {
        switch self {
        case .importCreate, .uploadOpen, .importPublish, .importFail, .importRelease, .importRecover, .importCancel,
            .imageDelete, .locationDelete, .imageSwitch, .garbageName, .garbageTake, .queuePause:
            true
        case .part(let part):
            switch part {
            case .createLock, .createTask, .createQueue, .publishWrite: true
            case .beatRead, .beatSave, .publishCheck: false
            }
        default: false
        }
    }

    /// The nonce by whose authority the call is made.
    var nonce: Int? {
        switch self {
        case .uploadOpen(_, let nonce, _), .importClaim(let nonce, _), .importBeat(_, let nonce, _),
            .importFail(_, let nonce, _), .importRelease(_, let nonce), .importCheckpoint(_, let nonce, _):
            nonce
        case .importPublish(let publish): publish.nonce
        case .importLocate(let locate): locate.nonce
        case .part(.beatRead(_, let nonce)), .part(.beatSave(_, let nonce, _)), .part(.publishCheck(_, let nonce)):
            nonce
        case .part(.publishWrite(let publish)): publish.nonce
        default: nil
        }
    }
}

/// What Redis holds: the part of the state that the scripts read and write, and nothing else.
///
/// Time is abstract: an age is *young* or *old enough for everything that waits for it*, and the environment may turn
/// one into the other at any moment.
package struct Redis: Hashable, Sendable {
    package var images: [Image]
    package var tasks: [Task]
    /// `claim:<nonce>`: the task that each nonce was given.
    package var claims: [Int?]
    package var live = Bits()
    /// All tenants' queues together; a task's tenant and place are its own.
    package var queued = Bits()
    package var delayed = Bits()
    /// Of `delayed`, those whose time has come.
    package var due = Bits()
    package var leases = Bits()
    /// Per tenant its score in the ring, relative to the newest turn: 0 or less, dense; nil where it is not in the ring.
    package var ring: [Int?]
    /// Grows with every import, and with every publish.
    package var sequence = 0
    package var isPaused = false
    package var garbage = Bits()
    /// Of `garbage`, what is older than lease and grace.
    package var ripe = Bits()
    /// Of what the sweeper took, what was named again since: its score is not the one that was taken.
    package var renewed = Bits()
    /// How often a worker is woken. Only where that rule is removed: else nothing depends on tokens, and workers claim
    /// whenever they like.
    package var tokens = 0
    /// Which catalog this is: another one where Redis was emptied.
    package var catalog = 0
    /// Which run of the server this is.
    package var run = 0

    package init(_ configuration: Configuration) {
        images = Array(
            repeating: Image(locations: Array(repeating: nil, count: configuration.stores)),
            count: configuration.images)
        tasks = Array(repeating: Task(), count: configuration.tasks.count)
        claims = Array(repeating: nil, count: configuration.nonces)
        ring = Array(repeating: nil, count: configuration.tenants)
    }
}

package enum ImageStatus: UInt8, Sendable { case queued, uploading, saving, importing, active, deactivated, deleted }

package struct Image: Hashable, Sendable {
    package var status = ImageStatus.queued
    /// The task that holds the image.
    package var lock: Int?
    /// The staged object.
    package var stage: Int?
    /// Per store the object that is the image's bytes there.
    package var locations: [Int?]
    /// Whose bytes the record's digests describe: the nonce under which they were received.
    package var digest: Int?
    /// Stands for the disk and container formats; a PATCH changes it.
    package var format = 0

    /// Whether it has been published, and not deleted since.
    package var isPublished: Bool { status == .active || status == .deactivated }
}

package enum TaskState: UInt8, Sendable { case absent, pending, processing, success, failure }

package enum TaskResult: UInt8, Sendable {
    case success, rejected, attemptsSpent, cancelled, stolen, imageDeleted, deadline, interrupted
}

/// How the call that ended an attempt was answered, for repeats of it.
package enum Settled: UInt8, Sendable { case requeued, ended, released }

package struct Suspicion: Hashable, Sendable {
    package var run: Int
    package var beat: Int
}

package struct Task: Hashable, Sendable {
    package var state = TaskState.absent
    package var result: TaskResult?
    package var prior = ImageStatus.queued
    package var attempt = 0
    package var spent = 0
    package var nonce: Int?
    package var worker: Int?
    package var beat = 0
    package var suspect: Suspicion?
    /// Whether the time since `updated_at` is longer than the lease and both times after which a lock may be stolen.
    package var isOld = false
    /// Whether the deadline has passed.
    package var isOverdue = false
    /// The place in the tenant's queue, kept for all attempts.
    package var place = 0
    package var settled: Settled?
    /// The stores in which a copy has been located.
    package var located = Bits()
    package var stole: Int?
    /// What its checkpoint names: objects in the making that another attempt goes on with. None: no checkpoint.
    package var kept = Bits()

    package var isLive: Bool { state == .pending || state == .processing }
}

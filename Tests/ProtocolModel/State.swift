/// The whole world at one moment: Redis, the processes with what they know, the network, the stores, and what outsiders
/// have been told.
package struct State: Hashable, Sendable {
    package var redis: Redis
    /// What a failover would fall back to: Redis as the replica saw it last. Nil while the replica keeps up.
    package var replica: Redis?
    /// A copy of Redis that somebody made, to go back to it one day.
    package var backup: Redis?
    /// First the workers that claim, then a process for each upload.
    package var workers: [Worker]
    package var sweeper = Sweeper()
    /// Requests that are still on their way though their callers have given up waiting for them; sorted.
    package var late: [Call] = []
    /// Writes that were begun by the dead, or given up by a store: they land some time, or never.
    package var writes: [Write] = []
    /// Per object whose bytes it holds, once it is complete.
    package var objects: [Int?]
    /// Objects in the making whose beginning is safe in the store, as a checkpoint says: unfinished uploads and files.
    package var unfinished = Bits()
    package var marker = Marker()
    package var told: Told
    package var budget: Budget
    /// Nonces minted so far.
    package var minted: Int

    package init(_ configuration: Configuration, removed: Rule? = nil) {
        redis = Redis(configuration)
        workers = Array(repeating: Worker(), count: configuration.workers + configuration.uploads.count)
        objects = Array(repeating: nil, count: configuration.objects)
        told = Told()
        budget = Budget(configuration)
        minted = removed == .nonceMintedAtClaim ? configuration.tasks.count : 0
    }
}

package struct Write: Hashable, Sendable {
    package var object: Int
    /// Whose bytes they are.
    package var content: Int
}

/// A process that runs attempts, as far as it knows.
///
/// A paused process is one that makes no step for a while: every order of steps is explored, so there is no flag for it.
/// Nor is there one for the self-fence: the model's workers write as late as they like.
package struct Worker: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        case idle
        /// A claim, or the opening of an upload, is in doubt; it is repeated.
        case asking(Call)
        case running
        /// The call that ends the attempt is in doubt; it is repeated.
        case settling(Call)
        /// Told that the lease is lost; has to name what it may have written.
        case naming
        /// An upload's process that is done.
        case finished
        case dead
    }

    package var phase = Phase.idle
    package var task = 0
    package var nonce = 0
    /// As the claim told.
    package var stage: Int?
    package var format = 0
    /// The objects in the making that the claim handed over to it.
    package var handed = Bits()
    /// Of a copy: whose bytes the image has, and the stores that have them by it, as it was told.
    package var digest: Int?
    package var located = Bits()
    /// The number of the last beat it sent.
    package var beat = 0
    /// Stores in which its object is complete, and those in which writing failed.
    package var written = Bits()
    package var failed = Bits()
    /// Only where beats save whole tasks: the task has been read and is about to be saved.
    package var saves = false

    /// Whether it believes that it has an attempt.
    package var hasAttempt: Bool {
        switch phase {
        case .running, .settling, .naming: true
        case .idle, .asking, .finished, .dead: false
        }
    }
}

/// What the sweeper was handed and has not reported yet. It may stop anywhere, for as long as it likes.
package struct Sweeper: Hashable, Sendable {
    package var store = 0
    package var taken = Bits()
    /// Of `taken`, what it has not deleted yet.
    package var undeleted = Bits()
}

/// What the stores know of the catalog, by their markers.
package struct Marker: Hashable, Sendable {
    /// The highest sequence that a sweep has seen.
    package var mark = 0
    /// Redis was not the catalog of the store, or was behind it: nothing is deleted any more.
    package var isHeld = false
}

/// What outsiders have been told, and must be able to rely on.
package struct Told: Hashable, Sendable {
    package var created = Bits()
    package var cancelled = Bits()
    package var deleted = Bits()
    /// The nonces whose publish was acknowledged.
    package var published = Bits()
    package var isPaused = false
    /// Objects that were an image's or staged in a Redis that was lost, until an operator has had his say.
    package var lost = Bits()
    /// Objects that only a listing of the store finds: their writers died.
    package var strays = Bits()
}

/// What may still go wrong.
package struct Budget: Hashable, Sendable {
    package var copies: Int
    package var crashes: Int
    package var beats: Int
    package var restarts: Int
    package var failovers: Int
    package var pauses: Int
    package var patches: Int
    package var switches: Int
    package var removals: Int
    package var losses: Int
    package var checkpoints: Int

    init(_ configuration: Configuration) {
        copies = configuration.copies
        crashes = configuration.crashes
        beats = configuration.beats
        restarts = configuration.restarts
        failovers = configuration.failovers
        pauses = configuration.pauses
        patches = configuration.patches
        switches = configuration.switches
        removals = configuration.removals
        losses = configuration.losses
        checkpoints = configuration.checkpoints
    }
}

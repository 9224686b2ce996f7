/// The rules of the protocol that can be removed, to see what each of them is for.
package enum Rule: String, CaseIterable, Sendable {
    case createIsOneScript = "create-is-one-script"
    case beatNeverWritesState = "beat-never-writes-state"
    case publishIsOneScript = "publish-is-one-script"
    case nonceMintedAtClaim = "nonce-minted-at-claim"
    case keyContainsNonce = "key-contains-nonce"
    case durableBeforeTold = "durable-before-told"
    case onlySweeperDeletes = "only-sweeper-deletes"
    case suspicionNamesRun = "suspicion-names-run"
    case doneComparesScore = "done-compares-score"
    case loserNamesGarbage = "loser-names-garbage"
    case lossIsNoticed = "loss-is-noticed"
    case holdIsLatched = "hold-is-latched"
    case publishCounts = "publish-counts"
    case silenceIsWatched = "silence-is-watched"
    case recoverKeepsLock = "recover-keeps-lock"
    case waitingIsLookedFor = "waiting-is-looked-for"
    case claimPromotesDue = "claim-promotes-due"
    case auditEndsOverdue = "audit-ends-overdue"
    case takenStaysGarbage = "taken-stays-garbage"
    case drainIsUnspent = "drain-is-unspent"

    /// What is done in its place.
    package var removal: String {
        switch self {
        case .createIsOneScript: "create takes the lock, writes the task and queues it in three steps"
        case .beatNeverWritesState: "a beat reads the task and saves it whole, its state included"
        case .publishIsOneScript: "publish checks, and then writes"
        case .nonceMintedAtClaim: "the nonce is minted when the task is created"
        case .keyContainsNonce: "the object key is made from the image id, and written again by each attempt"
        case .durableBeforeTold: "replies are believed before they are durable"
        case .onlySweeperDeletes: "a worker that hears `lost` deletes its objects"
        case .suspicionNamesRun: "a suspicion survives a restart of Redis"
        case .doneComparesScore: "garbage-done forgets what was named again"
        case .loserNamesGarbage: "a worker that hears `lost` says nothing of what it wrote"
        case .lossIsNoticed: "the sweeper does not compare Redis with the store's marker"
        case .holdIsLatched: "the sweeper goes on as soon as Redis has counted as far as before"
        case .publishCounts: "only creates are counted, so a Redis without the last publish looks complete"
        case .silenceIsWatched: "nobody watches attempts"
        case .recoverKeepsLock: "recover drops the lock, since nobody holds the attempt"
        case .waitingIsLookedFor: "a worker claims only when it was given a wake token, or has just ended an attempt"
        case .claimPromotesDue: "nobody puts back what is due"
        case .auditEndsOverdue: "no audit ends what is past its deadline"
        case .takenStaysGarbage: "garbage is forgotten when the sweeper takes it"
        case .drainIsUnspent: "every claim counts against the attempts, that of a worker that gave its task back too"
        }
    }
}

import ProtocolModel

/// A rule that is removed, where that is explored, and what then breaks first, in the fewest steps: exactly these.
struct Removal {
    var rule: Rule
    var configuration: Configuration
    var breaks: Set<String>
    /// Whether it is asked what comes in the end, instead of what is true all the time.
    var isOfProgress = false

    static let all = [
        Removal(rule: .createIsOneScript, configuration: .core, breaks: ["L1"]),
        Removal(rule: .beatNeverWritesState, configuration: .core, breaks: ["L2", "L3", "L6", "Q1"]),
        Removal(rule: .publishIsOneScript, configuration: .core, breaks: ["L3", "L6", "Q7c"]),
        Removal(rule: .nonceMintedAtClaim, configuration: withNoncesForTasks, breaks: ["L4"]),
        // O1 compares with the keys as they are made then, so that it is left to O2 to say what is wrong with them.
        Removal(rule: .keyContainsNonce, configuration: .core, breaks: ["O2"]),
        Removal(rule: .durableBeforeTold, configuration: .failover, breaks: ["Q3"]),
        Removal(rule: .onlySweeperDeletes, configuration: .failoverSweeping, breaks: ["O6"]),
        Removal(rule: .suspicionNamesRun, configuration: .restart, breaks: ["T4"]),
        Removal(rule: .doneComparesScore, configuration: .sweeping, breaks: ["O7"]),
        Removal(rule: .loserNamesGarbage, configuration: .sweeping, breaks: ["O7"]),
        Removal(rule: .lossIsNoticed, configuration: .losses, breaks: ["O8"]),
        Removal(rule: .holdIsLatched, configuration: .losses, breaks: ["O8"]),
        Removal(rule: .publishCounts, configuration: .losses, breaks: ["O8"]),
        Removal(rule: .silenceIsWatched, configuration: .endOfThefts, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .recoverKeepsLock, configuration: .endOfThefts, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .waitingIsLookedFor, configuration: .endOfThefts, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .claimPromotesDue, configuration: .endOfImports, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .auditEndsOverdue, configuration: .endOfImports, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .takenStaysGarbage, configuration: .endOfUploads, breaks: ["V1"], isOfProgress: true),
        Removal(rule: .drainIsUnspent, configuration: .endOfImports, breaks: ["V2"], isOfProgress: true),
        Removal(rule: .endKeepsCheckpoint, configuration: .resume, breaks: ["O6c"]),
        Removal(rule: .checkpointIsAsked, configuration: .resume, breaks: ["O7"]),
        Removal(rule: .uploadIsCompared, configuration: .resume, breaks: ["O3"]),
        Removal(rule: .publishAsksForLocations, configuration: .failoverCopying, breaks: ["C1"]),
        Removal(rule: .locationDeleteWaits, configuration: .removal, breaks: ["C1"]),
    ]

    /// Where tasks have nonces of their own, claims need others to be told apart by.
    private static let withNoncesForTasks: Configuration = {
        var configuration = Configuration.core
        configuration.nonces += configuration.tasks.count
        return configuration
    }()
}

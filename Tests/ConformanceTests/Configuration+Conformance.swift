@testable import ProtocolModel

/// The bounds within which the scripts are compared with the model: small enough that a debug build explores them in
/// seconds, and together they make every call.
extension Configuration {
    static let conformance = [
        Configuration(
            "one-image", "two imports of an image: death, recovery, theft, restart, cancel, delete",
            tasks: [Request(), Request()], workers: 1, nonces: 2
        ) {
            $0.crashes = 1
            $0.beats = 1
            $0.restarts = 1
            $0.cancels = [0]
            $0.deletes = [0]
        },
        Configuration(
            "recovery", "one import that is watched, recovered, and watched again after a restart of Redis",
            tasks: [Request()], workers: 1, nonces: 2
        ) {
            $0.beats = 1
            $0.restarts = 1
            $0.failures = []
        },
        Configuration(
            "failures", "all ways to fail, drain, deadline, changed formats", tasks: [Request()], workers: 1, nonces: 3
        ) {
            $0.maxAttempts = 2
            $0.failures = Failure.allCases
            $0.releases = true
            $0.deadlines = [0]
            $0.patches = 1
        },
        Configuration(
            "conversion", "imports that are converted, and changed formats", tasks: [Request()], workers: 1, nonces: 2
        ) {
            $0.converts = true
            $0.patches = 2
            $0.failures = [.retryNow, .reject]
        },
        Configuration(
            "uploads", "an upload, a staging, an import of what was staged",
            tasks: [Request(.upload), Request(.stage), Request(.direct, stores: [0, 1])], workers: 1, nonces: 3
        ) {
            $0.stores = 2
            $0.cancels = [1]
            $0.failures = [.retryLater, .reject]
            $0.beats = 1
        },
        Configuration(
            "withdrawal", "an image is taken out of service, put back, and deleted", tasks: [Request(), Request()],
            workers: 1, nonces: 2
        ) {
            $0.switches = 2
            $0.deletes = [0]
            $0.recovers = false
            $0.failures = [.reject]
        },
        Configuration(
            "resume", "attempts that continue each other, and begin anew", tasks: [Request(stores: [0, 1])], workers: 2,
            nonces: 3
        ) {
            $0.stores = 2
            $0.uploadStores = [0]
            $0.checkpoints = 2
            $0.maxAttempts = 2
            $0.failures = [.reject]
            $0.releases = true
            $0.recovers = false
            $0.crashes = 1
            $0.cancels = [0]
        },
        Configuration(
            "garbage", "two stores that may fail, sweeping, deleting, forgetting",
            tasks: [Request(stores: [0, 1], mustAll: false)], workers: 1, nonces: 1
        ) {
            $0.stores = 2
            $0.failingStores = [1]
            $0.failures = [.reject]
            $0.deletes = [0]
            $0.sweeps = true
            $0.recovers = false
            $0.releases = true
        },
        Configuration(
            "copying", "an image is copied into two stores, one of which may fail, by two tasks; and deleted",
            tasks: [Request(), Request(.copy, stores: [1, 2], mustAll: false), Request(.copy, stores: [1])],
            workers: 1, nonces: 3
        ) {
            $0.stores = 3
            $0.failingStores = [2]
            $0.failures = [.retryNow]
            $0.switches = 1
            $0.cancels = [1]
            $0.deletes = [0]
            $0.recovers = false
            $0.maxAttempts = 2
        },
        Configuration(
            "removal", "an image is deleted from its stores, before, while and after it is copied",
            tasks: [Request(), Request(.copy, stores: [1])], workers: 1, nonces: 2
        ) {
            $0.stores = 2
            $0.removals = 2
            $0.switches = 1
            $0.failures = [.reject]
            $0.recovers = false
            $0.sweeps = true
        },
        Configuration(
            "failover", "Redis falls back to an earlier state", tasks: [Request()], workers: 1, nonces: 2
        ) {
            $0.failovers = 1
            $0.copies = 1
            $0.cancels = [0]
        },
        Configuration(
            "tenants", "two tenants, three images, and a pause: who is claimed when",
            tasks: [Request(), Request(image: 1), Request(image: 2, tenant: 1)], workers: 1, nonces: 2
        ) {
            $0.images = 3
            $0.tenants = 2
            $0.pauses = 1
            $0.releases = true
            $0.failures = [.retryLater]
            $0.recovers = false
        },
    ]

    /// The share of edges that a short run walks.
    var share: Double { 0.04 }
}

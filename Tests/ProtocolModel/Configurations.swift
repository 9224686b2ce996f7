/// The bounds that are explored: by concern, since all of it at once has no end.
extension Configuration {
    /// What `make model` explores.
    package static let all: [Configuration] = [
        core, stealing, restart, retry, drain, fairness, changes, conversion, uploads, adoption, stores, copying,
        copyingTwice, removal, deletion, withdrawal,
        sweeping,
        failover, failoverSweeping, failoverUploads, failoverCopying, failoverRemoval, losses, lossesOfCopies, resume,
        resumeSweeping,
    ]

    package static let resume = Configuration(
        "resume",
        "attempts continue each other, in one store with the upload that was begun and in another with a copy, beside "
            + "predecessors that still write",
        tasks: [Request(stores: [0, 1])], workers: 2, nonces: 3
    ) {
        $0.stores = 2
        $0.uploadStores = [0]
        $0.checkpoints = 2
        $0.crashes = 1
        $0.maxAttempts = 2
        $0.releases = true
    }

    package static let resumeSweeping = Configuration(
        "resume-sweeping",
        "an upload that is continued while Redis falls back to an earlier state, and what is left over is swept",
        tasks: [Request()], workers: 2, nonces: 2
    ) {
        $0.uploadStores = [0]
        $0.checkpoints = 1
        $0.failovers = 1
        $0.cancels = [0]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let core = Configuration(
        "core", "two imports of one image, two workers: death, delay, lost and doubled requests, recovery, cancel",
        tasks: [Request(), Request()], workers: 2, nonces: 3
    ) {
        $0.copies = 1
        $0.crashes = 1
        $0.beats = 1
        $0.maxAttempts = 2
        $0.cancels = [0]
    }

    package static let stealing = Configuration(
        "stealing", "a lock that is taken over, by its age and by force, from a waiting and from a running task",
        tasks: [Request(), Request(), Request(isForced: true)], workers: 2, nonces: 2
    ) {
        $0.copies = 1
        $0.beats = 1
        $0.failures = [.reject]
    }

    package static let restart = Configuration(
        "restart", "Redis restarts: what was suspected before is not recovered or stolen after",
        tasks: [Request(), Request()], workers: 2, nonces: 3
    ) {
        $0.restarts = 1
        $0.crashes = 1
        $0.beats = 2
        $0.failures = []
    }

    package static let retry = Configuration(
        "retry", "all ways to fail, at once and delayed, until the attempts are spent or the deadline comes",
        tasks: [Request()], workers: 2, nonces: 4
    ) {
        $0.copies = 1
        $0.failures = Failure.allCases
        $0.deadlines = [0]
        $0.maxAttempts = 2
        $0.beats = 1
    }

    package static let drain = Configuration(
        "drain", "workers give back what they run, the queue is paused and resumed, two images",
        tasks: [Request(), Request(image: 1)], workers: 2, nonces: 4
    ) {
        $0.images = 2
        $0.releases = true
        $0.failures = [.retryLater]
        $0.pauses = 1
        $0.copies = 1
        $0.recovers = false
        $0.maxAttempts = 2
    }

    package static let fairness = Configuration(
        "fairness", "two tenants and four images: who is claimed when",
        tasks: [
            Request(), Request(image: 1), Request(image: 2, tenant: 1), Request(image: 3, tenant: 1),
        ], workers: 1, nonces: 4
    ) {
        $0.images = 4
        $0.tenants = 2
        $0.releases = true
        $0.failures = [.retryLater]
        $0.recovers = false
    }

    package static let changes = Configuration(
        "changes", "the formats change while the image is imported",
        tasks: [Request(), Request()], workers: 2, nonces: 2
    ) {
        $0.patches = 2
        $0.copies = 1
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let conversion = Configuration(
        "conversion", "what is imported is converted, while the formats change",
        tasks: [Request(), Request()], workers: 2, nonces: 2
    ) {
        $0.converts = true
        $0.patches = 2
        $0.crashes = 1
        $0.maxAttempts = 2
    }

    package static let uploads = Configuration(
        "uploads", "an upload, a staging and an import from the web compete for an image",
        tasks: [Request(.upload), Request(.stage), Request()], workers: 1, nonces: 3
    ) {
        $0.copies = 1
        $0.crashes = 1
        $0.cancels = [0]
        $0.failures = [.reject]
    }

    package static let adoption = Configuration(
        "adoption",
        "staged data becomes the image's in its own store and is copied to another; it is swept only when free",
        tasks: [Request(.stage), Request(.direct, stores: [0, 1])], workers: 2, nonces: 3
    ) {
        $0.stores = 2
        $0.crashes = 1
        $0.cancels = [1]
        $0.failures = [.retryNow, .reject]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let stores = Configuration(
        "stores", "one import into two stores, either of which may fail",
        tasks: [Request(stores: [0, 1], mustAll: false)], workers: 2, nonces: 2
    ) {
        $0.stores = 2
        $0.failingStores = [1]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let copying = Configuration(
        "copying", "an active image is copied into two more stores: death, lost and doubled requests, cancel, delete",
        tasks: [Request(), Request(.copy, stores: [1, 2])], workers: 2, nonces: 3
    ) {
        $0.stores = 3
        $0.copies = 1
        $0.crashes = 1
        $0.cancels = [1]
        $0.deletes = [0]
        $0.failures = [.retryNow]
        $0.maxAttempts = 2
    }

    package static let copyingTwice = Configuration(
        "copying-twice", "two copies of one image, the second by force; stores fail; the image is out of service",
        tasks: [
            Request(), Request(.copy, stores: [1, 2], mustAll: false), Request(.copy, stores: [1], isForced: true),
        ],
        workers: 2, nonces: 3
    ) {
        $0.stores = 3
        $0.failingStores = [1]
        $0.switches = 1
        $0.failures = [.reject]
        $0.recovers = false
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let removal = Configuration(
        "removal", "an image is deleted from any of its stores while it is copied, copied there again, and swept",
        tasks: [Request(), Request(.copy, stores: [1]), Request(.copy, stores: [1])], workers: 1, nonces: 3
    ) {
        $0.stores = 2
        $0.removals = 2
        $0.copies = 1
        $0.sweeps = true
        $0.failures = [.reject]
        $0.recovers = false
        $0.maxAttempts = 2
    }

    package static let deletion = Configuration(
        "deletion", "an image is deleted while it is imported, published and swept",
        tasks: [Request(), Request()], workers: 2, nonces: 2
    ) {
        $0.copies = 1
        $0.crashes = 1
        $0.deletes = [0]
        $0.sweeps = true
    }

    package static let withdrawal = Configuration(
        "withdrawal", "an image is taken out of service and put back while another import asks for it, and deleted",
        tasks: [Request(), Request()], workers: 1, nonces: 2
    ) {
        $0.switches = 2
        $0.copies = 1
        $0.deletes = [0]
        $0.recovers = false
        $0.failures = [.reject]
    }

    package static let sweeping = Configuration(
        "sweeping",
        "a sweeper that stops for as long as it likes between taking, deleting and reporting; and the listing",
        tasks: [Request()], workers: 2, nonces: 3
    ) {
        $0.crashes = 1
        $0.beats = 1
        $0.deletes = [0]
        $0.sweeps = true
        $0.lists = true
        $0.maxAttempts = 2
    }

    package static let failover = Configuration(
        "failover", "Redis falls back to an earlier state, once, at any moment",
        tasks: [Request(), Request()], workers: 2, nonces: 2
    ) {
        $0.failovers = 1
        $0.copies = 1
        $0.cancels = [0]
        $0.maxAttempts = 2
    }

    package static let failoverSweeping = Configuration(
        "failover-sweeping", "Redis falls back to an earlier state while garbage is named, taken and deleted",
        tasks: [Request()], workers: 2, nonces: 2
    ) {
        $0.failovers = 1
        $0.copies = 1
        $0.cancels = [0]
        $0.deletes = [0]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let losses = Configuration(
        "losses", "Redis is emptied, or put back to a copy, under a sweeper that must not believe it",
        tasks: [Request(), Request(image: 1)], workers: 1, nonces: 2
    ) {
        $0.images = 2
        $0.losses = 1
        $0.sweeps = true
        $0.lists = true
        $0.failures = [.reject]
        $0.maxAttempts = 2
    }

    package static let failoverCopying = Configuration(
        "failover-copying", "Redis falls back to an earlier state while an image is copied",
        tasks: [Request(), Request(.copy, stores: [1])], workers: 1, nonces: 3
    ) {
        $0.stores = 2
        $0.failovers = 1
        $0.copies = 1
        $0.cancels = [1]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let failoverRemoval = Configuration(
        "failover-removal", "Redis falls back to an earlier state while an image is deleted from a store, and swept",
        tasks: [Request(stores: [0, 1])], workers: 1, nonces: 1
    ) {
        $0.stores = 2
        $0.removals = 2
        $0.failovers = 1
        $0.copies = 1
        $0.sweeps = true
        $0.failures = [.reject]
        $0.maxAttempts = 2
    }

    package static let lossesOfCopies = Configuration(
        "losses-of-copies", "Redis is emptied, or put back to a copy, which lacks a location of an image",
        tasks: [Request(), Request(.copy, stores: [1])], workers: 1, nonces: 2
    ) {
        $0.stores = 2
        $0.losses = 1
        $0.sweeps = true
        $0.lists = true
        $0.failures = [.reject]
        $0.maxAttempts = 2
    }

    package static let failoverUploads = Configuration(
        "failover-uploads", "Redis falls back to an earlier state while data is staged and imported",
        tasks: [Request(.stage), Request(.direct)], workers: 1, nonces: 3
    ) {
        $0.failovers = 1
        $0.copies = 1
        $0.cancels = [1]
        $0.sweeps = true
        $0.maxAttempts = 2
    }
}

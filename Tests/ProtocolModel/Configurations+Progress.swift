/// The bounds within which it is asked what comes in the end, when nothing goes wrong any more. The graph of progress is
/// kept, so these are smaller; some claims are kept back for the time after the last fault.
extension Configuration {
    package static let allOfProgress: [Configuration] = [
        endOfImports, endOfThefts, endOfUploads, endOfCopies, endOfGarbage, endOfFailovers, endOfResumes,
    ]

    package static let endOfResumes = Configuration(
        "resumes", "attempts continue each other, beside predecessors that still write",
        tasks: [Request()], workers: 2, nonces: 4
    ) {
        $0.reserve = 2
        $0.uploadStores = [0]
        $0.checkpoints = 1
        $0.crashes = 1
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let endOfImports = Configuration(
        "imports", "every way to fail, a death, a delay, a drain, a pause and a deadline",
        tasks: [Request()], workers: 2, nonces: 5
    ) {
        $0.reserve = 2
        $0.copies = 1
        $0.crashes = 1
        $0.pauses = 1
        $0.releases = true
        $0.failures = [.retryLater, .workerFault]
        $0.deadlines = [0]
        $0.maxAttempts = 2
    }

    package static let endOfThefts = Configuration(
        "thefts", "two imports of one image, of which one takes the lock over; Redis restarts",
        tasks: [Request(), Request(isForced: true)], workers: 2, nonces: 5
    ) {
        $0.reserve = 3
        $0.copies = 1
        $0.crashes = 1
        $0.restarts = 1
        $0.cancels = [0]
        $0.failures = [.reject]
        $0.maxAttempts = 2
    }

    package static let endOfUploads = Configuration(
        "staging", "data is staged, imported into two stores, and swept",
        tasks: [Request(.stage), Request(.direct, stores: [0, 1])], workers: 2, nonces: 5
    ) {
        $0.reserve = 3
        $0.stores = 2
        $0.crashes = 1
        $0.copies = 1
        $0.failures = [.retryNow]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let endOfCopies = Configuration(
        "copies", "an image is copied into two more stores, by an attempt that may die in between",
        tasks: [Request(), Request(.copy, stores: [1, 2])], workers: 2, nonces: 5
    ) {
        $0.reserve = 3
        $0.stores = 3
        $0.crashes = 1
        $0.copies = 1
        $0.failures = [.retryNow]
        $0.sweeps = true
        $0.maxAttempts = 2
    }

    package static let endOfGarbage = Configuration(
        "garbage", "deaths, deletes, a sweeper that dies, and what only a listing finds",
        tasks: [Request()], workers: 2, nonces: 4
    ) {
        $0.reserve = 2
        $0.crashes = 1
        $0.copies = 1
        $0.deletes = [0]
        $0.sweeps = true
        $0.lists = true
        $0.maxAttempts = 2
    }

    package static let endOfFailovers = Configuration(
        "failovers", "Redis falls back to an earlier state",
        tasks: [Request()], workers: 2, nonces: 4
    ) {
        $0.reserve = 2
        $0.failovers = 1
        $0.crashes = 1
        $0.cancels = [0]
        $0.sweeps = true
        $0.maxAttempts = 2
    }
}

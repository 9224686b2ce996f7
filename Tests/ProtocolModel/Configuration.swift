/// The bounds of one exploration: who takes part, and how often what may go wrong.
package struct Configuration: Sendable {
    package enum Method: Sendable {
        /// An import from the web, an import of staged data, an upload, a staging, a copy to further stores.
        case download, direct, upload, stage, copy
    }

    /// A request that some client makes, at any time or never.
    package struct Request: Sendable {
        package var image: Int
        package var method: Method
        package var stores: Bits
        package var tenant: Int
        /// Whether one store that fails ends the attempt.
        package var mustAll: Bool
        /// An administrator's word that the lock be taken whatever its age.
        package var isForced: Bool

        package init(
            _ method: Method = .download, image: Int = 0, stores: Bits = [0], tenant: Int = 0, mustAll: Bool = true,
            isForced: Bool = false
        ) {
            self.image = image
            self.method = method
            self.stores = stores
            self.tenant = tenant
            self.mustAll = mustAll
            self.isForced = isForced
        }

        /// Whether a worker carries it out.
        package var isImport: Bool { method == .download || method == .direct || method == .copy }
    }

    package var name: String
    package var concern: String
    package var tasks: [Request]
    /// Workers that claim; each upload and each staging has an API process of its own besides.
    package var workers: Int
    /// How many claims and uploads there may be in all.
    package var nonces: Int
    /// Of these, those that are kept for the time after the last fault, where it is asked what comes in the end.
    package var reserve = 0
    package var images = 1
    package var stores = 1
    package var tenants = 1
    package var maxAttempts = 3

    // What may happen, and how often in one run.
    /// Requests that stay in the network, to be carried out later, while the caller repeats them.
    package var copies = 0
    package var crashes = 0
    package var beats = 0
    /// Restarts of Redis that lose nothing.
    package var restarts = 0
    /// Failovers to an earlier state.
    package var failovers = 0
    /// Losses of what was durable: Redis is emptied, or put back to a copy.
    package var losses = 0
    package var pauses = 0
    package var patches = 0
    /// How often an image is taken out of service or put back.
    package var switches = 0
    /// How often an image is deleted from one of its stores.
    package var removals = 0
    /// Checkpoints of attempts.
    package var checkpoints = 0

    // What is allowed at any time.
    package var failures: [Failure] = [.retryNow]
    package var releases = false
    package var recovers = true
    package var cancels = Bits()
    package var deletes = Bits()
    package var deadlines = Bits()
    /// Stores in which another attempt goes on with the very object that was begun, under its key: an upload that has
    /// an id. In the others it copies what is there into an object of its own.
    package var uploadStores = Bits()
    /// Stores in which writing may fail.
    package var failingStores = Bits()
    package var sweeps = false
    /// Whether imports of format 0 are converted to format 1.
    package var converts = false
    /// The rare look at all objects of a store.
    package var lists = false

    package init(
        _ name: String, _ concern: String, tasks: [Request], workers: Int, nonces: Int,
        with change: (inout Configuration) -> Void = { _ in }
    ) {
        self.name = name
        self.concern = concern
        self.tasks = tasks
        self.workers = workers
        self.nonces = nonces
        change(&self)
    }

    /// The tasks that API processes carry out themselves; process `workers + k` has the k-th.
    package var uploads: [Int] { tasks.indices.filter { !tasks[$0].isImport } }
    package var objects: Int { images * stores * nonces }

    /// The number of the object `<image>/<nonce>` in a store.
    package func object(image: Int, store: Int, nonce: Int) -> Int { (image * stores + store) * nonces + nonce }
    package func nonce(of object: Int) -> Int { object % nonces }
    package func store(of object: Int) -> Int { object / nonces % stores }
    package func image(of object: Int) -> Int { object / nonces / stores }

    package func objects(in store: Int) -> Bits { Bits((0..<objects).filter { self.store(of: $0) == store }) }
}

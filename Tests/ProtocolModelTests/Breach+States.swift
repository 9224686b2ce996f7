@testable import ProtocolModel

extension Breach {
    static let ofLocks = [
        Breach("L1", "a lock names a task that has ended", { try .imports.after(.creates, .cancels) }) {
            $0.state.redis.images[0].lock = 0
        },
        Breach("L1", "a lock names a task of another image", { try .imports.after(.creates) }) {
            $0.state.redis.images[1].lock = 0
            $0.state.redis.images[1].status = .importing
        },
        Breach("L2", "a live task without its image's lock", { try .imports.after(.creates) }) {
            $0.state.redis.images[0].lock = nil
            $0.state.redis.images[0].status = .queued
        },
        Breach(
            "L4", "two workers with one nonce", { try .imports.after(.creates, .createsOfAnotherImage, .claims) }
        ) { $0.state.workers[1] = $0.state.workers[0] },
        Breach(
            "L4", "two tasks with one nonce",
            { try .imports.after(.creates, .createsOfAnotherImage, .claims, .claimsNext) }
        ) { $0.state.redis.tasks[2].nonce = 0 },
    ]

    static let ofQueues = [
        Breach("Q1", "a live task is nowhere", { try .imports.after(.creates) }) {
            $0.state.redis.queued = []
            $0.state.redis.ring[0] = nil
        },
        Breach("Q1", "a live task is in two places", { try .imports.after(.creates, .claims) }) {
            $0.state.redis.queued = [0]
            $0.state.redis.ring[0] = 0
        },
        Breach("Q1", "an ended task is in `live`", { try .imports.after(.creates, .cancels) }) {
            $0.state.redis.live = [0]
        },
        Breach("Q1", "a tenant that waits for nothing is in the ring", { try .imports.after(.creates, .cancels) }) {
            $0.state.redis.ring[0] = 0
        },
        Breach("Q2", "a waiting task has a lease", { try .imports.after(.creates) }) {
            $0.state.redis.queued = []
            $0.state.redis.ring[0] = nil
            $0.state.redis.leases = [0]
        },
        Breach("Q2", "a running task waits to be claimed", { try .imports.after(.creates, .claims) }) {
            $0.state.redis.leases = []
            $0.state.redis.queued = [0]
            $0.state.redis.ring[0] = 0
        },
        Breach("S1", "an image is importing for nobody", { try .imports.after(.creates, .cancels) }) {
            $0.state.redis.images[0].status = .importing
        },
        Breach("S1", "an image looks free while a task holds it", { try .imports.after(.creates) }) {
            $0.state.redis.images[0].status = .queued
        },
        Breach(
            "S1", "an image is uploading, without an upload or staged data", { try .imports.after(.creates, .cancels) }
        ) {
            $0.state.redis.images[0].status = .uploading
        },
        Breach("Q4", "more attempts are spent than there are", { try .imports.after(.creates, .claims) }) {
            $0.state.redis.tasks[0].spent = $0.model.configuration.maxAttempts + 1
        },
    ]

    static let ofObjects = [
        Breach("O3", "an active image's object is gone", Scene.published) { $0.state.objects[0] = nil },
        Breach("O3", "an active image's object has other bytes than its digest says", Scene.published) {
            $0.state.redis.images[0].digest = 1
        },
        Breach("O3", "an active image is nowhere", Scene.published) {
            $0.state.redis.images[0].locations = [nil]
            $0.state.objects[0] = nil
        },
        Breach("O3", "a copy with other bytes is located", Scene.copied) { $0.state.objects[4] = 1 },
        Breach("C1", "what a copy has located is not the image's", Scene.copied) {
            $0.state.redis.images[0].locations[1] = nil
        },
        Breach("C1", "a copy has succeeded that was located nowhere", Scene.copied) {
            $0.state.redis.images[0].locations[1] = nil
            $0.state.redis.tasks[1].located = []
            $0.state.redis.tasks[1].state = .success
            $0.state.redis.tasks[1].result = .success
            $0.state.redis.live = []
            $0.state.redis.leases = []
            $0.state.redis.images[0].lock = nil
        },
        Breach(
            "O9", "a converted image bears its old format",
            {
                let publish = Publish(task: 0, nonce: 0, objects: [0], digest: 0, format: 0, converted: 1)
                return try Scene(.conversion).after(.creates, .claims, .writes, .call(.importPublish(publish)))
            }
        ) { $0.state.redis.images[0].format = 0 },
        Breach(
            "O6s", "staged data is gone",
            {
                let publish = Publish(task: 0, nonce: 0, objects: [0], digest: 0, format: 0)
                return try Scene(.staging).after(
                    .call(.uploadOpen(task: 0, nonce: 0, worker: 1)), .does(.write(worker: 1, object: 0)),
                    .call(.importPublish(publish)))
            }
        ) { $0.state.objects[0] = nil },
        Breach(
            "O7", "an object that nobody knows of",
            { try .imports.after(.creates, .claims, .writes, .fails) }
        ) { $0.state.redis.garbage = [] },
        Breach("O6c", "what a checkpoint names is garbage", Scene.handedOver) {
            $0.state.redis.garbage.insert(0)
        },
        Breach("O6c", "an ended task has a checkpoint", { try Scene.handedOver().after(.cancels) }) {
            $0.state.redis.tasks[0].kept = [0]
            $0.state.redis.garbage = [1, 2, 3, 4, 5]
        },
    ]

    static let ofWhatWasTold = [
        Breach("Q3", "a created task is forgotten", { try .imports.after(.creates) }) {
            $0.state.redis = Redis($0.model.configuration)
        },
        Breach("Q7c", "a cancelled task succeeds", { try .imports.after(.creates, .cancels) }) {
            $0.state.redis.tasks[0].state = .success
            $0.state.redis.tasks[0].result = .success
        },
        Breach("O4", "two imports of one image succeed", Scene.published) {
            $0.state.redis.tasks[1].state = .success
            $0.state.redis.tasks[1].result = .success
        },
        Breach("R1", "a deleted image is back", { try .imports.after(.call(.imageDelete(image: 0))) }) {
            $0.state.redis.images[0].status = .queued
        },
        Breach("R1", "a publish is forgotten", Scene.published) {
            $0.state.redis.tasks[0].state = .failure
            $0.state.redis.tasks[0].result = .stolen
        },
    ]

    static let ofEndings = [
        Breach("V1", "a task that nobody finds", { try Scene(.ending).after(.creates) }) {
            $0.state.redis.queued = []
            $0.state.redis.ring[0] = nil
        },
        Breach(
            "V1", "an object that nobody knows of", { try Scene(.ending).after(.creates, .claims, .writes, .fails) }
        ) { $0.state.redis.garbage = [] },
        Breach("V2", "a task that was given back ends for it", { Scene(.ending) }) {
            $0.model = Model($0.model.configuration, removed: .drainIsUnspent)
        },
    ]
}

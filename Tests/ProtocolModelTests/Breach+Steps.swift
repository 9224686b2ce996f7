@testable import ProtocolModel

extension Breach {
    static let ofSteps = [
        Breach(
            "L3", "a beat under the nonce of the attempt before counts",
            { try .imports.after(.creates, .claims, .suspects, .isSilent, .recovers, .claimsNext, .beats) }
        ) { $0.state.redis.tasks[0].beat += 1 },
        Breach("L5", "the number of the beat falls", { try .imports.after(.creates, .claims, .beats) }) {
            $0.state.redis.tasks[0].beat = 0
        },
        Breach("L5", "an attempt is not counted any more", { try .imports.after(.creates, .claims, .beats) }) {
            $0.state.redis.tasks[0].attempt = 0
        },
        Breach(
            "L6", "an ended task waits again", { try .imports.after(.creates, .cancels, .createsOfAnotherImage) }
        ) {
            $0.state.told.cancelled = []
            $0.state.redis.tasks[0].state = .pending
            $0.state.redis.tasks[0].result = nil
            $0.state.redis.live.insert(0)
            $0.state.redis.queued.insert(0)
            $0.state.redis.images[0].lock = 0
            $0.state.redis.images[0].status = .importing
        },
        Breach(
            "L6", "an ended task gets another result",
            { try .imports.after(.creates, .cancels, .createsOfAnotherImage) }
        ) {
            $0.state.told.cancelled = []
            $0.state.redis.tasks[0].result = .deadline
        },
        Breach("Q6", "who came later is claimed", { try .imports.after(.creates, .createsOfAnotherImage, .claims) }) {
            $0.bendBoth { state in
                (state.redis.tasks[0].place, state.redis.tasks[2].place) = (2, 1)
            }
        },
        Breach(
            "Q7p", "a paused queue is claimed from", { try .imports.after(.creates, .call(.queuePause(true)), .claims) }
        ) { scene in
            scene.state.redis.isPaused = false
            _ = scene.model.scripts.run(.importClaim(nonce: 0, worker: 0), on: &scene.state.redis)
            scene.state.redis.isPaused = true
        },
        Breach(
            "T4", "recovered is what nobody suspected",
            { try .imports.after(.creates, .claims, .suspects, .isSilent, .recovers) }
        ) { $0.before.redis.tasks[0].suspect = nil },
        Breach(
            "T4", "recovered is what was suspected in another run of Redis",
            { try .imports.after(.creates, .claims, .suspects, .isSilent, .recovers) }
        ) { $0.bendBoth { $0.redis.run += 1 } },
        Breach(
            "T4", "the attempt of a living process is recovered as that of a dead one",
            {
                try .imports.after(
                    .creates, .claims, .does(.crash(worker: 0)),
                    .call(.importRecover(task: 0, beat: 1, dead: 0)))
            }
        ) { $0.bendBoth { $0.workers[0].phase = .running } },
        Breach(
            "T4", "the lock of a running task is stolen, of which nobody knows that it is silent",
            { try .imports.after(.creates, .claims, .suspects, .isSilent, .call(.importCreate(task: 1))) }
        ) { $0.before.redis.tasks[0].isOld = false },
    ]

    static let ofObjectsInSteps = [
        Breach(
            "O1", "a worker writes the object of another's attempt",
            { try .imports.after(.creates, .createsOfAnotherImage, .claims, .claimsNext, .writes) }
        ) {
            $0.action = .write(worker: 0, object: 4)
            ($0.state.objects[0], $0.state.objects[4]) = (nil, 0)
        },
        Breach(
            "O1", "a worker writes an object that was handed over to be copied",
            { try Scene.handedOver().after(.claimsAnew, .does(.write(worker: 0, object: 0))) }
        ) {
            $0.action = .write(worker: 0, object: 3)
            ($0.state.objects[0], $0.state.objects[3]) = (nil, 1)
            $0.state.unfinished = [0]
        },
        Breach(
            "O1", "a worker writes the upload of another attempt, which was not handed over to it",
            { try Scene.handedOver().after(.claimsAnew, .does(.write(worker: 0, object: 0))) }
        ) { $0.before.workers[0].handed = [] },
        Breach("O2", "an object is written over", { try .imports.after(.creates, .claims, .writes, .beats) }) {
            $0.action = .land(object: 0)
            $0.state.objects[0] = 1
        },
        Breach(
            "O5", "an active image may be imported once more",
            { try Scene.published().after(.createsOfAnotherImage) }
        ) { $0.state.redis.images[0].status = .queued },
        Breach(
            "O5", "an active image is pointed at another object",
            { try Scene.published().after(.createsOfAnotherImage) }
        ) {
            $0.bendBoth { $0.objects[1] = 0 }
            $0.before.redis.garbage.insert(1)
            $0.state.redis.images[0].locations = [1]
            $0.state.redis.garbage.insert(0)
        },
        Breach(
            "O5", "an active image's format is changed",
            { try Scene.published().after(.createsOfAnotherImage) }
        ) { $0.state.redis.images[0].format = 1 },
        Breach("O5", "a copy changes an object that the image has", Scene.copied) {
            $0.bendBoth { $0.objects[3] = 0 }
            $0.before.redis.images[0].locations[1] = 3
            $0.state.redis.garbage.insert(3)
        },
        Breach("O5", "an image loses the object that it has in a store by no delete", Scene.removed) {
            $0.action = .call(.api, .importCreate(task: 1), .answered(.noImage))
        },
        Breach("O5", "an image is deleted from one store, and loses what it has in another", Scene.removed) { scene in
            scene.state.redis.images[0].locations = [nil, 4]
            scene.state.redis.garbage = [0]
        },
        Breach("O5", "something else than a copy adds a location", Scene.copied) {
            $0.action = .call(.api, .importCreate(task: 1), .answered(.created(prior: .active, stolen: nil)))
        },
        Breach("O6", "the object of a running attempt is deleted", Scene.swept) {
            $0.bendBoth { state in
                state.redis.tasks[0].state = .processing
                state.redis.leases = [0]
                state.redis.queued = []
                state.redis.ring[0] = nil
            }
        },
        Breach("O6", "an upload that a checkpoint names is aborted", { try Scene.handedOver().after(.claimsAnew) }) {
            $0.state.unfinished.remove(0)
        },
        Breach(
            "O6", "the object that is to be continued is deleted", { try Scene.handedOver().after(.claimsAnew) }
        ) { scene in
            scene.bendBoth {
                $0.unfinished = []
                $0.objects[0] = 0
            }
            scene.state.objects[0] = nil
        },
        Breach("O8", "what was an image's in a Redis that was lost is deleted", Scene.swept) {
            $0.bendBoth { $0.told.lost = [0] }
        },
    ]
}

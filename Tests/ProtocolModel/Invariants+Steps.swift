/// What must be true of every step.
package struct StepInvariant: Sendable {
    package let name: String
    package let statement: String
    let holds: @Sendable (Model, State, Action, State) -> Bool

    package static let all: [StepInvariant] = [
        StepInvariant(
            name: "L3",
            statement:
                "beat, checkpoint, publish, locate, fail and release change nothing unless processing under the caller's nonce"
        ) { model, before, action, after in
            guard let call = action.call, let (task, nonce) = call.attempt, before.redis != after.redis else {
                return true
            }
            return before.redis.tasks[task].state == .processing && before.redis.tasks[task].nonce == nonce
        },
        StepInvariant(name: "L5", statement: "`attempt` and the number of the beat never decrease") {
            _, before, action, after in
            action.replacesRedis
                || zip(before.redis.tasks, after.redis.tasks).allSatisfy {
                    $0.attempt <= $1.attempt && $0.beat <= $1.beat
                }
        },
        StepInvariant(name: "L6", statement: "terminal is final") { _, before, action, after in
            action.replacesRedis
                || zip(before.redis.tasks, after.redis.tasks).allSatisfy {
                    $0.state == .absent || $0.isLive || ($0.state == $1.state && $0.result == $1.result)
                }
        },
        StepInvariant(name: "Q6", statement: "within a tenant, who came first is claimed first") {
            model, before, action, after in
            guard let call = action.call, case .importClaim(let nonce, _) = call, before.redis.claims[nonce] == nil,
                let task = after.redis.claims[nonce]
            else { return true }
            return before.redis.queued.allSatisfy { other in
                model.configuration.tasks[other].tenant != model.configuration.tasks[task].tenant
                    || before.redis.tasks[other].isOverdue
                    || before.redis.tasks[other].place >= after.redis.tasks[task].place
            }
        },
        StepInvariant(name: "Q7p", statement: "after an acknowledged pause nothing is claimed") {
            _, before, action, after in
            guard before.told.isPaused, let call = action.call, case .importClaim = call else { return true }
            return before.redis.tasks == after.redis.tasks
        },
        StepInvariant(
            name: "O1",
            statement: "a worker writes only the objects whose keys are its attempt's, or handed over to it as uploads"
        ) { model, before, action, _ in
            guard case .write(let index, let object) = action else { return true }
            let (worker, store) = (before.workers[index], model.configuration.store(of: object))
            let isHanded = worker.handed.contains(object) && model.configuration.uploadStores.contains(store)
            return isHanded || object == model.scripts.object(of: worker.task, nonce: worker.nonce, in: store)
        },
        StepInvariant(name: "O2", statement: "a completed object never changes") { _, before, _, after in
            zip(before.objects, after.objects).allSatisfy { $0 == nil || $1 == nil || $0 == $1 }
        },
        StepInvariant(
            name: "O5",
            statement:
                "an active or deactivated image's bytes, digests and format never change, its locations only by copies and deletes"
        ) { model, before, action, after in
            action.replacesRedis
                || before.redis.images.indices.allSatisfy { image in
                    let (old, new) = (before.redis.images[image], after.redis.images[image])
                    if !old.isPublished || new.status == .deleted { return true }
                    guard new.isPublished, old.digest == new.digest, old.format == new.format else { return false }
                    return old.locations.indices.allSatisfy { store in
                        old.locations[store] == new.locations[store]
                            || model.isLocated(by: action, image: image, store: store, from: old, to: new)
                            || model.isTaken(by: action, image: image, store: store, to: new)
                    }
                }
        },
        StepInvariant(
            name: "O6",
            statement: "nothing that an image, a stage, a running attempt or a live task's checkpoint names is deleted"
        ) { model, before, _, after in
            before.objects.indices.allSatisfy { object in
                let isDeleted =
                    before.objects[object] != nil
                    ? after.objects[object] == nil
                    : before.unfinished.contains(object) && !after.unfinished.contains(object)
                        && after.objects[object] == nil
                let isKept = before.redis.tasks.contains { $0.isLive && $0.kept.contains(object) }
                return !isDeleted || (!isKept && !model.scripts.isNamed(before.redis, object))
            }
        },
        StepInvariant(
            name: "O8", statement: "what a Redis that was lost knew to be an image's, or staged, is not deleted"
        ) { _, before, _, after in
            before.told.lost.allSatisfy { before.objects[$0] == nil || after.objects[$0] != nil }
        },
        StepInvariant(
            name: "T4", statement: "recovered or stolen is only what was suspected in this run of Redis, or is dead"
        ) { model, before, action, after in
            guard let call = action.call else { return true }
            switch call {
            case .importRecover(let task, _, nil): return isExpired(before, task) || before.redis == after.redis
            case .importRecover(let task, _, .some):
                return before.redis == after.redis
                    || before.redis.tasks[task].worker.map { before.workers[$0].phase == .dead } == true
            case .importCreate(let task), .uploadOpen(let task, _, _):
                guard before.redis.tasks[task].state == .absent, let loser = after.redis.tasks[task].stole else {
                    return true
                }
                return before.redis.tasks[loser].state != .processing || model.configuration.tasks[task].isForced
                    || isExpired(before, loser)
            default: return true
            }
        },
    ]

    private static func isExpired(_ state: State, _ id: Int) -> Bool {
        let task = state.redis.tasks[id]
        return task.isOld && task.suspect?.run == state.redis.run && task.suspect?.beat == task.beat
    }
}

extension Model {
    /// The invariants that a step breaks.
    package func broken(
        by action: Action, from before: State, to after: State
    ) -> [(name: String, statement: String)] {
        StepInvariant.all.filter { !$0.holds(self, before, action, after) }.map { ($0.name, $0.statement) }
    }
}

extension Model {
    /// Whether the step adds the object of a copy to an image that has none in this store.
    fileprivate func isLocated(by action: Action, image: Int, store: Int, from old: Image, to new: Image) -> Bool {
        guard case .importLocate(let locate)? = action.call, locate.store == store, old.locations[store] == nil else {
            return false
        }
        return configuration.tasks[locate.task].image == image
            && new.locations[store] == scripts.object(of: locate.task, nonce: locate.nonce, in: store)
    }

    /// Whether the step deletes an image from this store, while another one has it.
    fileprivate func isTaken(by action: Action, image: Int, store: Int, to new: Image) -> Bool {
        action.call == .locationDelete(image: image, store: store) && new.locations[store] == nil
            && new.locations.contains { $0 != nil }
    }
}

extension Action {
    /// The call that is carried out in this step.
    package var call: Call? {
        switch self {
        case .call(_, let call, .answered), .call(_, let call, .unconfirmed), .late(let call, _): call
        default: nil
        }
    }
}

extension Call {
    /// Whose authority the call claims to have.
    var attempt: (task: Int, nonce: Int)? {
        switch self {
        case .importBeat(let task, let nonce, _), .importFail(let task, let nonce, _),
            .importRelease(let task, let nonce), .importCheckpoint(let task, let nonce, _):
            (task, nonce)
        case .importPublish(let publish): (publish.task, publish.nonce)
        case .importLocate(let locate): (locate.task, locate.nonce)
        case .part(.beatSave(let task, let nonce, _)): (task, nonce)
        case .part(.publishWrite(let publish)): (publish.task, publish.nonce)
        default: nil
        }
    }
}

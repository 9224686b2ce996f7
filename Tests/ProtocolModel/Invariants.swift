/// What must be true in every state, or of every step. The names are those of the protocol's page.
package struct Invariant: Sendable {
    package let name: String
    package let statement: String
    let holds: @Sendable (Model, State) -> Bool

    /// All that can be said of a single state.
    package static let all: [Invariant] = lease + queue + objects + acknowledged
}

extension Model {
    /// The invariants that do not hold in a state.
    package func broken(in state: State) -> [(name: String, statement: String)] {
        Invariant.all.filter { !$0.holds(self, state) }.map { ($0.name, $0.statement) }
    }
}

extension Invariant {
    static let lease = [
        Invariant(name: "L1", statement: "a lock names an existing, live task of that image") { model, state in
            state.redis.images.indices.allSatisfy { image in
                guard let holder = state.redis.images[image].lock else { return true }
                return state.redis.tasks[holder].isLive && model.configuration.tasks[holder].image == image
            }
        },
        Invariant(name: "L2", statement: "a live task is the one that its image's lock names") { model, state in
            state.redis.tasks.indices.allSatisfy { id in
                !state.redis.tasks[id].isLive || state.redis.images[model.configuration.tasks[id].image].lock == id
            }
        },
        Invariant(name: "L4", statement: "a nonce is the authority of one attempt only") { _, state in
            for (index, worker) in state.workers.enumerated() where worker.hasAttempt {
                for other in state.workers[..<index] where other.hasAttempt && other.nonce == worker.nonce {
                    return false
                }
            }
            for (id, task) in state.redis.tasks.enumerated() where task.nonce != nil {
                for other in state.redis.tasks[..<id] where other.nonce == task.nonce { return false }
            }
            return true
        },
    ]

    static let queue = [
        Invariant(
            name: "Q1",
            statement: "a live task is in `live` and in exactly one of queue, delayed, leases; any other in none"
        ) { model, state in
            let redis = state.redis
            let inRing = model.configuration.tenants
            for id in redis.tasks.indices {
                let places = [redis.queued, redis.delayed, redis.leases].count { $0.contains(id) }
                if redis.live.contains(id) != redis.tasks[id].isLive { return false }
                if places != (redis.tasks[id].isLive ? 1 : 0) { return false }
            }
            return (0..<inRing).allSatisfy { tenant in
                (redis.ring[tenant] != nil)
                    == redis.queued.contains { model.configuration.tasks[$0].tenant == tenant }
            }
        },
        Invariant(name: "Q2", statement: "a task is in `leases` exactly while it is processing") { _, state in
            state.redis.tasks.indices.allSatisfy {
                state.redis.leases.contains($0) == (state.redis.tasks[$0].state == .processing)
            }
        },
        Invariant(
            name: "S1",
            statement:
                "an image is importing or saving exactly while such a task holds it, and uploading also for staged data"
        ) { model, state in
            state.redis.images.allSatisfy { image in
                let holder = image.lock.flatMap { state.redis.tasks[$0].isLive ? $0 : nil }
                let during = holder.map { model.scripts.statusDuring($0) }
                switch image.status {
                case .importing, .saving: return during == image.status
                case .uploading: return during == .uploading || (during == nil && image.stage != nil)
                case .active, .deactivated: return during == nil || during == .active
                case .queued, .deleted: return during == nil
                }
            }
        },
        Invariant(name: "Q4", statement: "an attempt is spent at most as often as is allowed") { model, state in
            state.redis.tasks.allSatisfy { $0.spent <= model.configuration.maxAttempts }
        },
    ]

    static let objects = [
        Invariant(
            name: "O3",
            statement: "an active or deactivated image's objects exist, whole, with the digests that are recorded"
        ) { _, state in
            state.redis.images.allSatisfy { image in
                guard image.isPublished else { return true }
                let locations = image.locations.compactMap(\.self)
                return !locations.isEmpty && locations.allSatisfy { state.objects[$0] == image.digest }
            }
        },
        Invariant(
            name: "O9", statement: "a published image has the format of its bytes: that which they were converted to"
        ) { model, state in
            guard model.configuration.converts else { return true }
            return state.redis.images.allSatisfy { !$0.isPublished || $0.format == 1 }
        },
        Invariant(
            name: "C1",
            statement:
                "what a live copy has located is its image's; one that succeeded has located all, or as much as it must"
        ) { model, state in
            state.redis.tasks.indices.allSatisfy { id in
                let (task, image) = (state.redis.tasks[id], state.redis.images[model.configuration.tasks[id].image])
                guard model.scripts.isCopy(id) else { return true }
                // An image may be deleted from a store once the copy into it has ended.
                let mayGo = image.status == .deleted || (model.configuration.removals > 0 && !task.isLive)
                let stays = mayGo || task.located.allSatisfy { image.locations[$0] != nil }
                let missing = model.scripts.missingStores(state.redis, id)
                let isEnough = missing.isEmpty || (!model.configuration.tasks[id].mustAll && !task.located.isEmpty)
                return stays && (task.state != .success || isEnough)
            }
        },
        Invariant(name: "O6s", statement: "staged data that an image speaks of exists") { _, state in
            state.redis.images.allSatisfy { image in
                guard let stage = image.stage, !image.isPublished else { return true }
                return state.objects[stage] != nil
            }
        },
        Invariant(
            name: "O7",
            statement: "an object is named, or garbage, or its writer still runs; else its writer died"
        ) { model, state in
            state.objects.indices.allSatisfy { object in
                guard state.objects[object] != nil else { return true }
                if model.scripts.isNamed(state.redis, object) || state.redis.garbage.contains(object) { return true }
                if state.told.strays.contains(object) { return true }
                return state.workers.contains {
                    $0.hasAttempt
                        && ($0.nonce == model.configuration.nonce(of: object) || $0.handed.contains(object))
                }
            }
        },
        Invariant(
            name: "O6c", statement: "what a live task's checkpoint names is not garbage, and no other task has one"
        ) { _, state in
            state.redis.tasks.allSatisfy {
                $0.isLive ? $0.kept.intersection(state.redis.garbage).isEmpty : $0.kept.isEmpty
            }
        },
    ]

    /// What was acknowledged stays true, whatever fails over (R1).
    static let acknowledged = [
        Invariant(name: "Q3", statement: "an acknowledged create is never lost") { _, state in
            state.told.created.allSatisfy { state.redis.tasks[$0].state != .absent }
        },
        Invariant(name: "Q7c", statement: "after an acknowledged cancel nothing is published") { _, state in
            state.told.cancelled.allSatisfy { state.redis.tasks[$0].result == .cancelled }
        },
        Invariant(name: "O4", statement: "an image becomes active by one task only") { model, state in
            state.redis.images.indices.allSatisfy { image in
                let activations = state.redis.tasks.indices.count { id in
                    let request = model.configuration.tasks[id]
                    return request.image == image && request.method != .stage && request.method != .copy
                        && state.redis.tasks[id].state == .success
                }
                return activations <= 1
            }
        },
        Invariant(name: "R1", statement: "an acknowledged delete, or publish, is never undone") { _, state in
            state.told.deleted.allSatisfy { state.redis.images[$0].status == .deleted }
                && state.told.published.allSatisfy { nonce in
                    state.redis.tasks.contains { $0.nonce == nonce && $0.state == .success }
                }
        },
    ]
}

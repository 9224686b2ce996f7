@testable import ProtocolModel

/// Calls that the model's processes do not make in a state, by callers that were asleep, are wrong, or are not ours: the
/// model's scripts say how each has to be answered, too.
struct Probes {
    let configuration: Configuration

    func edges(from node: Redis) -> [ScriptGraph.Edge] {
        let scripts = ScriptModel(configuration)
        return calls(in: node).map { call in
            var target = node
            // A place behind all that are taken: how many there ever were is not told.
            target.sequence = node.tasks.map(\.place).max() ?? 0
            let reply = scripts.run(call, on: &target)
            return ScriptGraph.Edge(operation: .call(call), reply: reply, target: target.asRedisTells)
        }
    }

    private func calls(in node: Redis) -> [Call] {
        var calls: [Call] = [.auditStep, .auditIndex, .queuePause(true), .queuePause(false)]
        for task in configuration.tasks.indices { calls += self.calls(about: task, in: node) }
        for nonce in 0..<configuration.nonces { calls.append(.importClaim(nonce: nonce, worker: 0)) }
        for image in 0..<configuration.images {
            calls += [
                .auditImage(image: image), .imageDelete(image: image), .imageUpdate(image: image, format: 0),
                .imageUpdate(image: image, format: 1),
            ]
            calls += (0..<configuration.stores).map { .locationDelete(image: image, store: $0) }
            if configuration.switches > 0 {
                calls += [false, true].map { .imageSwitch(image: image, isActive: $0) }
            }
        }
        for store in 0..<configuration.stores { calls.append(.garbageTake(store: store)) }
        for object in 0..<configuration.objects { calls.append(.garbageName(objects: [object])) }
        return calls
    }

    private func calls(about task: Int, in node: Redis) -> [Call] {
        let beat = node.tasks[task].beat
        let request = configuration.tasks[task]
        var calls: [Call] = [.importCancel(task: task)]
        if request.isImport { calls.append(.importCreate(task: task)) }
        for seen in [beat, beat + 1] {
            calls += [.importSuspect(task: task, beat: seen), .importRecover(task: task, beat: seen, dead: nil)]
            for worker in 0..<configuration.workers {
                calls.append(.importRecover(task: task, beat: seen, dead: worker))
            }
        }
        for nonce in 0..<configuration.nonces {
            if !request.isImport { calls.append(.uploadOpen(task: task, nonce: nonce, worker: 0)) }
            // A task that no call has made yet is `gone` for all of them.
            calls += [
                .importBeat(task: task, nonce: nonce, number: beat),
                .importBeat(task: task, nonce: nonce, number: beat + 1),
                .importRelease(task: task, nonce: nonce),
            ]
            calls += Failure.allCases.map { .importFail(task: task, nonce: nonce, how: $0) }
            if configuration.checkpoints > 0 { calls += checkpoints(task, nonce, node) }
            calls += publishes(task, nonce, node).map { .importPublish($0) }
            if configuration.tasks.contains(where: { $0.method == .copy }) {
                calls += locates(task, nonce, node).map { .importLocate($0) }
            }
        }
        return calls
    }

    /// Of its own objects, of those of the attempt before and of the one after, and of none.
    private func checkpoints(_ task: Int, _ nonce: Int, _ node: Redis) -> [Call] {
        let request = configuration.tasks[task]
        let others = (0..<configuration.nonces).map { other in
            Bits(request.stores.map { configuration.object(image: request.image, store: $0, nonce: other) })
        }
        return (others + [node.tasks[task].kept, []]).map {
            .importCheckpoint(task: task, nonce: nonce, objects: $0)
        }
    }

    /// In each store, of the image's bytes and of others.
    private func locates(_ task: Int, _ nonce: Int, _ node: Redis) -> [Locate] {
        let digest = node.images[configuration.tasks[task].image].digest ?? nonce
        return (0..<configuration.stores).flatMap { store in
            [digest, (digest + 1) % configuration.nonces].map {
                Locate(task: task, nonce: nonce, store: store, digest: $0)
            }
        }
    }

    /// With all objects of its own, with the staged one, and with somebody else's.
    private func publishes(_ task: Int, _ nonce: Int, _ node: Redis) -> [Publish] {
        let request = configuration.tasks[task]
        let stage = node.images[request.image].stage
        func publish(_ objects: [Int], failed: Bits = []) -> Publish {
            Publish(
                task: task, nonce: nonce, objects: Bits(objects), digest: nonce,
                format: node.images[request.image].format, failed: failed)
        }
        func own(_ store: Int, _ nonce: Int) -> Int {
            configuration.object(image: request.image, store: store, nonce: nonce)
        }
        if request.method == .stage { return [publish([own(0, nonce)])] }
        var publishes = [publish(request.stores.map { own($0, nonce) })]
        let stores = Array(request.stores)
        if stores.count > 1 { publishes.append(publish([own(stores[0], nonce)], failed: [stores[1]])) }
        if let stage { publishes.append(publish([stage])) }
        if !node.tasks[task].kept.isEmpty { publishes.append(publish(Array(node.tasks[task].kept))) }
        publishes.append(publish([own(0, (nonce + 1) % configuration.nonces)]))
        var changed = publishes[0]
        changed.format = 1 - changed.format
        if configuration.converts {
            var converted = publishes[0]
            converted.converted = 1 - converted.format
            publishes.append(converted)
        }
        return publishes + [changed]
    }
}

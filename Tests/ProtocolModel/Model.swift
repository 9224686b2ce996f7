/// The protocol as a graph: from a state, all the steps that the world may make.
package struct Model: Sendable {
    package let configuration: Configuration
    package let removed: Rule?
    package let scripts: ScriptModel

    package init(_ configuration: Configuration, removed: Rule? = nil) {
        self.configuration = configuration
        self.removed = removed
        scripts = ScriptModel(configuration, removed: removed)
    }

    package var start: State { State(configuration, removed: removed) }

    package typealias Step = (action: Action, state: State)

    /// All steps from `state`; some may lead back to it.
    package func next(_ state: State) -> [Step] {
        var steps: [Step] = []
        workerSteps(state, &steps)
        clientSteps(state, &steps)
        fleetSteps(state, &steps)
        environmentSteps(state, &steps)
        for index in steps.indices { canonicalise(&steps[index].state) }
        return steps
    }

    /// A call by somebody who waits for the answer: it is answered; or, while the replica lags, carried out but not
    /// confirmed; or it is delayed, and repeated by the caller while it is still on its way.
    ///
    /// A lost reply is a delayed request that arrives before its repetition.
    ///
    /// - Parameters:
    ///   - heard: what the caller does with the answer.
    ///   - inDoubt: what the caller becomes when no answer comes.
    func perform(
        _ call: Call, by actor: Actor, _ state: State, _ steps: inout [Step], mayDelay: Bool = true,
        heard: (inout State, Reply) -> Void, inDoubt: (inout State) -> Void = { _ in }
    ) {
        var after = state
        let reply = scripts.run(call, on: &after.redis)
        if isConfirmed(call, state) {
            heard(&after, reply)
            steps.append((.call(actor, call, .answered(reply)), after))
        } else {
            inDoubt(&after)
            steps.append((.call(actor, call, .unconfirmed(reply)), after))
        }
        guard mayDelay, state.budget.copies > 0, !state.late.contains(call) else { return }
        var delayed = state
        delayed.budget.copies -= 1
        delayed.late.append(call)
        inDoubt(&delayed)
        steps.append((.call(actor, call, .delayed), delayed))
    }

    private func isConfirmed(_ call: Call, _ state: State) -> Bool {
        state.replica == nil || !call.isDurable || removed == .durableBeforeTold
    }

    /// One form for states between which nobody can tell.
    func canonicalise(_ state: inout State) {
        if state.late.count > 1 { state.late.sort { $0.order < $1.order } }
        if state.writes.count > 1 { state.writes.sort { ($0.object, $0.content) < ($1.object, $1.content) } }
        state.redis.renewed = state.redis.renewed.intersection(state.sweeper.taken)
        if let replica = state.replica {
            state.replica?.renewed = replica.renewed.intersection(state.sweeper.taken)
        }
        for index in state.workers.indices {
            switch state.workers[index].phase {
            case .idle, .asking, .finished, .dead: state.workers[index] = Worker(phase: state.workers[index].phase)
            case .running, .settling, .naming: break
            }
        }
    }
}

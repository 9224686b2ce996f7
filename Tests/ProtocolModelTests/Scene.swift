@testable import ProtocolModel

/// A state that the model reaches by its own steps, and the last of these: what a test then bends by hand.
struct Scene {
    var model: Model
    var before: State
    var action: Action?
    var state: State

    init(_ configuration: Configuration) {
        model = Model(configuration)
        state = model.start
        before = state
    }

    /// Makes these steps, one after the other.
    func after(_ moves: Move...) throws -> Scene {
        var scene = self
        for move in moves {
            guard let step = model.next(scene.state).first(where: { move.isMade(by: $0.action) }) else {
                throw NoSuchStep(move: move, steps: model.next(scene.state).map(\.action))
            }
            (scene.before, scene.action, scene.state) = (scene.state, step.action, step.state)
        }
        return scene
    }

    /// What the explorers would say is broken.
    func broken(as invariant: String) -> [String] {
        let ofState = model.broken(in: state).map(\.name)
        if Invariant.all.contains(where: { $0.name == invariant }) { return ofState }
        if StepInvariant.all.contains(where: { $0.name == invariant }), let action {
            return model.broken(by: action, from: before, to: state).map(\.name) + ofState
        }
        var explorer = ProgressExplorer(model, from: state, limit: 10_000)
        let report = explorer.run()
        return report.violations.map(\.invariant) + (report.isComplete ? [] : ["given up"])
    }
}

/// A step, as far as it has to be told from others.
enum Move {
    case call(Call)
    case does(Action)

    func isMade(by action: Action) -> Bool {
        switch self {
        case .call(let call): action.call == call
        case .does(let wanted): action == wanted
        }
    }
}

struct NoSuchStep: Error {
    var move: Move
    var steps: [Action]
}

extension Configuration {
    /// Three imports of two images, of which object `n` is the first one's under nonce `n`, and `3 + n` the other's.
    static let imports = Configuration(
        "imports", "two imports of one image and one of another", tasks: [Request(), Request(), Request(image: 1)],
        workers: 2, nonces: 3
    ) {
        $0.images = 2
        $0.crashes = 1
        $0.beats = 2
        $0.pauses = 1
        $0.cancels = [0]
        $0.deletes = [0]
        $0.sweeps = true
    }

    static let staging = Configuration(
        "staging", "data is staged, and imported", tasks: [Request(.stage), Request(.direct)], workers: 1, nonces: 2)

    static let handing = {
        var configuration = Configuration.resume
        configuration.cancels = [0]
        return configuration
    }()

    static let copies = Configuration(
        "copies", "an image is imported, and copied to a second store",
        tasks: [Request(), Request(.copy, stores: [1])], workers: 1, nonces: 3
    ) {
        $0.stores = 2
        $0.removals = 1
    }

    /// Small enough to be looked at to its end.
    static let ending = Configuration(
        "ending", "an import with two attempts, and a worker that may give it back", tasks: [Request()], workers: 1,
        nonces: 4
    ) {
        $0.reserve = 2
        $0.maxAttempts = 2
        $0.releases = true
        $0.sweeps = true
    }
}

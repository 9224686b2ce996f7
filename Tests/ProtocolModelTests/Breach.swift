import Testing

@testable import ProtocolModel

/// A state or a step in which all is right, and what has to be changed in it by hand so that one invariant is broken.
struct Breach: CustomTestStringConvertible, Sendable {
    let invariant: String
    let wrong: String
    let right: @Sendable () throws -> Scene
    let bend: @Sendable (inout Scene) throws -> Void

    var testDescription: String { "\(invariant): \(wrong)" }

    init(
        _ invariant: String, _ wrong: String, _ right: @escaping @Sendable () throws -> Scene,
        bend: @escaping @Sendable (inout Scene) throws -> Void
    ) {
        self.invariant = invariant
        self.wrong = wrong
        self.right = right
        self.bend = bend
    }

    static let all = ofLocks + ofQueues + ofObjects + ofWhatWasTold + ofSteps + ofObjectsInSteps + ofEndings
}

extension Move {
    static let creates = Move.call(.importCreate(task: 0))
    static let createsOfAnotherImage = Move.call(.importCreate(task: 2))
    static let cancels = Move.call(.importCancel(task: 0))
    static let claims = Move.call(.importClaim(nonce: 0, worker: 0))
    static let claimsNext = Move.call(.importClaim(nonce: 1, worker: 1))
    static let writes = Move.does(.write(worker: 0, object: 0))
    static let beats = Move.call(.importBeat(task: 0, nonce: 0, number: 2))
    static let fails = Move.call(.importFail(task: 0, nonce: 0, how: .retryNow))
    static let publishes = Move.call(
        .importPublish(Publish(task: 0, nonce: 0, objects: [0], digest: 0, format: 0)))
    static let claimsAnew = Move.call(.importClaim(nonce: 1, worker: 0))
    static let suspects = Move.call(.importSuspect(task: 0, beat: 1))
    static let isSilent = Move.does(.passes(.silence(task: 0)))
    static let recovers = Move.call(.importRecover(task: 0, beat: 1, dead: nil))
}

extension Scene {
    static let imports = Scene(.imports)

    static func published() throws -> Scene { try imports.after(.creates, .claims, .writes, .publishes) }

    /// An attempt has failed, and its checkpoint names an upload and a file.
    static func handedOver() throws -> Scene {
        try Scene(.handing).after(
            .creates, .claims, .call(.importCheckpoint(task: 0, nonce: 0, objects: [0, 3])), .fails)
    }

    static func swept() throws -> Scene {
        try imports.after(
            .creates, .claims, .writes, .fails, .does(.passes(.grace(object: 0))), .call(.garbageTake(store: 0)),
            .does(.sweeperDeletes(object: 0)))
    }

    /// Of a copy, object 4 is the one in the second store, under nonce 1; 3 would be that under nonce 0.
    static func copied() throws -> Scene {
        let publish = Publish(task: 0, nonce: 0, objects: [0], digest: 0, format: 0)
        return try Scene(.copies).after(
            .creates, .claims, .writes, .call(.importPublish(publish)), .call(.importCreate(task: 1)),
            .call(.importClaim(nonce: 1, worker: 0)), .does(.write(worker: 0, object: 4)),
            .call(.importLocate(Locate(task: 1, nonce: 1, store: 1, digest: 0))))
    }

    /// The copy has ended, and the image was deleted from the store that it went to.
    static func removed() throws -> Scene {
        let publish = Publish(task: 1, nonce: 1, objects: [], digest: 0, format: 0)
        return try copied().after(
            .call(.importPublish(publish)), .call(.locationDelete(image: 0, store: 1)))
    }

    /// What was changed before the last step is changed in both states.
    mutating func bendBoth(_ change: (inout State) -> Void) {
        change(&before)
        change(&state)
    }
}

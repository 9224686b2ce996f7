import Foundation
import Glibc

/// The named steps at which a process can be made to die or to freeze, so that tests can choose the moment.
///
/// Off unless the environment says otherwise (`FailpointPlan`); `reach` then is a load and two branches, no more.
package enum Failpoint: String, CaseIterable, Sendable {
    case createSent = "create.sent"
    case createAnswered = "create.answered"
    case uploadSent = "upload.sent"
    case uploadAnswered = "upload.answered"
    case registerSent = "register.sent"
    case registerAnswered = "register.answered"
    case claimSent = "claim.sent"
    case claimAnswered = "claim.answered"
    case sourceBegun = "source.begun"
    case objectOpened = "object.opened"
    case blockWritten = "block.written"
    case commitBegun = "commit.begun"
    case objectWritten = "object.written"
    case objectNamed = "object.named"
    case commitDone = "commit.done"
    case beatSent = "beat.sent"
    case beatAnswered = "beat.answered"
    case checkpointSent = "checkpoint.sent"
    case checkpointAnswered = "checkpoint.answered"
    case locateSent = "locate.sent"
    case locateAnswered = "locate.answered"
    case publishSent = "publish.sent"
    case publishAnswered = "publish.answered"
    case failSent = "fail.sent"
    case failAnswered = "fail.answered"
    case releaseSent = "release.sent"
    case releaseAnswered = "release.answered"
    case garbageSent = "garbage.sent"
    case garbageAnswered = "garbage.answered"
    case suspectAnswered = "suspect.answered"
    case recoverSent = "recover.sent"
    case recoverAnswered = "recover.answered"
    case sweepTaken = "sweep.taken"
    case sweepDeleted = "sweep.deleted"
    case sweepReported = "sweep.reported"

    /// What has happened when the point is reached, and what has not; as in docs/testing.md.
    package var meaning: String {
        switch self {
        case .createSent: "An API process is about to ask for an import's lock and task."
        case .createAnswered: "The lock and the task exist; the client does not know it."
        case .uploadSent: "An API process is about to ask for an upload's or a staging's lock and task."
        case .uploadAnswered: "The upload's lock and task exist; no byte was read."
        case .registerSent: "A process is about to tell the fleet of itself."
        case .registerAnswered: "The fleet knows of the process; it has done nothing yet."
        case .claimSent: "A worker is about to claim."
        case .claimAnswered: "Redis has given the worker a task; the worker has done nothing about it."
        case .sourceBegun: "The first bytes of a source have arrived."
        case .objectOpened: "A store has begun a new object, without bytes."
        case .blockWritten: "A store has taken one block of an object; reached once per block and store."
        case .commitBegun: "All bytes are there and accepted; a store is about to be asked for the object."
        case .objectWritten: "An object's bytes are safe in its store, and it does not bear its name yet."
        case .objectNamed: "An object has got its name; what makes that last, or proves it, is still to be done."
        case .commitDone: "A store has the whole object; nothing names it yet."
        case .beatSent: "A heartbeat is about to be sent."
        case .beatAnswered: "A heartbeat was counted; its holder does not know it."
        case .checkpointSent: "All stores have the beginning of the image for good; Redis is about to be told how far."
        case .checkpointAnswered: "Another attempt can go on from a checkpoint; the worker does not know it."
        case .locateSent: "A store has a copy of an image; its location is about to be added."
        case .locateAnswered: "The image has a location more; the worker does not know it."
        case .publishSent: "All stores have their objects; publish is about to be sent."
        case .publishAnswered: "The image is active; the worker does not know it."
        case .failSent: "A failed attempt is about to be reported."
        case .failAnswered: "A failed attempt is written down; the worker does not know it."
        case .releaseSent: "A draining worker is about to give a task back."
        case .releaseAnswered: "A task was given back; the worker has not left yet."
        case .garbageSent: "Somebody is about to name garbage."
        case .garbageAnswered: "Garbage was named; who named it does not know it."
        case .suspectAnswered: "A silent attempt is marked; it is not recovered yet."
        case .recoverSent: "An attempt is about to be recovered."
        case .recoverAnswered: "An attempt was recovered; the recoverer does not know it."
        case .sweepTaken: "The sweeper was handed garbage; nothing is deleted."
        case .sweepDeleted: "The sweeper has deleted one object, and has not reported it."
        case .sweepReported: "The sweeper has reported what it deleted."
        }
    }

    /// What this process was started with; `nil` where there are no failpoints.
    ///
    /// A plan that cannot be read counts as none here: the settings refuse it before anything is reached.
    package static let armed: ArmedFailpoints? =
        (try? FailpointPlan(environment: ProcessInfo.processInfo.environment)).flatMap(\.self)
        .map(ArmedFailpoints.init)

    /// Says that the process is at `point`. It may not come back.
    package static func reach(_ point: Failpoint) {
        guard let armed else { return }
        armed.arrive(at: point)
    }
}

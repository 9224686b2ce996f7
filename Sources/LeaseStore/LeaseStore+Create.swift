import Foundation
package import ImportModel
import RedisClient

/// An import to be queued, or an upload to be opened; everything about the request has been validated before.
package struct NewTask: Sendable {
    /// The task's id; the same call with the same id does nothing more.
    package var id: TaskID
    package var image: ImageID
    package var request: ImportRequest
    package var owner: String
    /// 0 (last) to 9 (first).
    package var priority: Int
    package var requestID: String
    /// The source's size where it is known (staged data), for the queue's figures.
    package var sourceBytes: Int64?
    /// An administrator's word that the lock be taken whatever the holder's age.
    package var mayForce: Bool

    package init(
        id: TaskID, image: ImageID, request: ImportRequest, owner: String,
        priority: Int = TaskRecord.defaultPriority, requestID: String? = nil, sourceBytes: Int64? = nil,
        mayForce: Bool = false
    ) {
        self.id = id
        self.image = image
        self.request = request
        self.owner = owner
        self.priority = priority
        self.requestID = requestID ?? TaskRecord.requestID(of: id)
        self.sourceBytes = sourceBytes
        self.mayForce = mayForce
    }
}

/// The answer to a request for an image's lock.
package enum CreateReply: Hashable, Sendable {
    /// The task exists and holds the lock; `stolen` is the task that lost it.
    case created(priorStatus: ImageStatus, stolen: TaskID?)
    case noImage
    /// The image's status does not admit this.
    case wrongStatus(ImageStatus)
    /// The disk or the container format is not set.
    case noFormat
    /// This store has the image that it was to be copied to.
    case stored(StoreID)
    case locked(HeldLock)
}

/// Who has the lock that somebody else asked for.
package struct HeldLock: Hashable, Sendable {
    package var task: TaskID
    package var state: TaskState
    package var age: Duration
    /// `nil`: age alone never makes it free.
    package var stealIn: Duration?
    package var phase: TaskPhase?
}

extension LeaseStore {
    /// Locks an image and queues an import of it; durable once it returns.
    /// - Throws: `LeaseStoreError`; after `.inDoubt` the same call, with the same id, tells what became of it.
    package func createImport(_ task: NewTask, wanted: ImageStatus) async throws -> CreateReply {
        Failpoint.reach(.createSent)
        let reply = try await call(
            Scripts.importCreate,
            [
                task.id.rawValue, task.image.rawValue, try Self.json(task.request), wanted.rawValue, task.owner,
                min(max(task.priority, 0), 9), Self.stored(task.requestID, of: task.id),
            ] + lockArguments(task.mayForce) + [settings.maxAttempts, task.sourceBytes.map(String.init) ?? ""],
            isDurable: true)
        Failpoint.reach(.createAnswered)
        return try createReply(reply, success: "created")
    }

    /// Locks an image for an upload or a staging that this process carries out under `nonce`.
    package func openUpload(
        _ task: NewTask, kind: TaskKind, nonce: Nonce, process: ProcessID
    ) async throws -> CreateReply {
        Failpoint.reach(.uploadSent)
        let reply = try await call(
            Scripts.uploadOpen,
            [
                task.id.rawValue, task.image.rawValue, try Self.json(task.request), ImageStatus.queued.rawValue,
                task.owner, kind.rawValue, task.requestID,
            ] + lockArguments(task.mayForce) + [nonce.rawValue, process.rawValue, settings.lease.argument],
            isDurable: true)
        Failpoint.reach(.uploadAnswered)
        return try createReply(reply, success: "opened")
    }

    private func lockArguments(_ mayForce: Bool) -> [any RedisArgument] {
        [
            settings.stealAfter.argument, settings.pendingStealAfter.argument, mayForce ? "1" : "",
            settings.deadline.argument,
        ]
    }

    private static func json(_ request: ImportRequest) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(request), as: UTF8.self)
    }

    /// The request id as it is stored: not at all where it follows from the task's id.
    private static func stored(_ requestID: String, of task: TaskID) -> String {
        requestID == TaskRecord.requestID(of: task) ? "" : requestID
    }

    private func createReply(_ reply: Reply, success: String) throws -> CreateReply {
        switch reply.word {
        case success:
            guard let prior = ImageStatus(rawValue: try reply.string(0)) else {
                throw reply.malformed("an unknown status")
            }
            return .created(priorStatus: prior, stolen: try reply.optionalString(1).flatMap(TaskID.init(rawValue:)))
        case "no-image": return .noImage
        case "no-format": return .noFormat
        case "wrong-status":
            guard let status = ImageStatus(rawValue: try reply.string(0)) else {
                throw reply.malformed("an unknown status")
            }
            return .wrongStatus(status)
        case "stored":
            guard let store = StoreID(rawValue: try reply.string(0)) else { throw reply.malformed("an unknown store") }
            return .stored(store)
        case "locked":
            guard let holder = TaskID(rawValue: try reply.string(0)),
                let state = TaskState(rawValue: try reply.string(1))
            else { throw reply.malformed("an unknown holder") }
            let stealIn = try reply.int(3)
            return .locked(
                HeldLock(
                    task: holder, state: state, age: .milliseconds(try reply.int(2)),
                    stealIn: stealIn < 0 ? nil : .milliseconds(stealIn),
                    phase: try reply.optionalString(4).flatMap(TaskPhase.init(rawValue:))))
        default: throw reply.unknown
        }
    }
}

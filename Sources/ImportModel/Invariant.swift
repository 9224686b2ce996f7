/// The invariants of the protocol that are looked at while a fleet runs, by their letters in `docs/protocol.md`.
package enum Invariant: String, Codable, Sendable, CaseIterable {
    case l1 = "L1"
    case l2 = "L2"
    case q1 = "Q1"
    case q2 = "Q2"
    case s1 = "S1"
    case o3 = "O3"
    case o6 = "O6"
    case i1 = "I1"

    /// What holds, for people.
    package var statement: String {
        switch self {
        case .l1: "a lock names a live task of its image"
        case .l2: "an image has at most one live task, the one its lock names"
        case .q1: "a live task is in `live` and in one of queue, delayed, leases; an ended one in none"
        case .q2: "a task is in the leases, with last beat + lease, if and only if it runs"
        case .s1: "an image is importing, saving or uploading because of a live task or of staged data"
        case .o3: "the objects of images exist, with the recorded size and digests"
        case .o6: "nothing that is in use is called garbage"
        case .i1: "an image is in all indexes of lists that its record says"
        }
    }

    /// What is looked at to see whether it holds.
    package var subject: AuditSubject {
        switch self {
        case .l2, .q1, .q2: .tasks
        case .l1, .s1, .o6, .i1: .images
        case .o3: .objects
        }
    }

    /// Whether the fleet puts it right by itself. Bytes that are gone nobody brings back.
    package var isRepaired: Bool { self != .o3 }
}

package enum AuditSubject: String, Codable, Sendable, CaseIterable {
    case tasks, images, objects
}

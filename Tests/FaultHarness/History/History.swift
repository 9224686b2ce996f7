import Foundation
package import ImportModel
import Synchronization

/// What all clients of a run have asked for and heard, and what was done to the fleet meanwhile.
///
/// Any number of clients write into it at once. It holds what has not been judged yet: `take` hands out the operations
/// of an image that no client will use again.
package final class History: Sendable {
    /// Something that was done to the fleet.
    package struct Note: Codable, Sendable {
        package let at: Int64
        package let what: String
    }

    /// An answer that no client should get, whatever happens to the fleet.
    package struct UnfitAnswer: Codable, Sendable, CustomStringConvertible {
        package let operation: String
        package let status: Int
        package let text: String

        package var description: String { "\(operation) was answered with \(status): \(text)" }
    }

    private struct State {
        var operations: [ImageID: [HistoryOperation]] = [:]
        var count = 0
        var held = 0
        var missed = 0
        var notes: [Note] = []
        var unfit: [UnfitAnswer] = []
    }

    private static let keptNotes = 20_000
    private static let keptAnswers = 100

    private let started = ContinuousClock.now
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: operations that are held at most.
    package init(capacity: Int = 500_000) { self.capacity = capacity }

    /// An operation, from its beginning to its end.
    struct Opened: Sendable {
        let image: ImageID
        /// `nil`: the history is full, and this operation is not in it.
        let place: Int?
        let number: Int
    }

    /// Since the beginning of the run, in nanoseconds.
    package var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - started).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Counts all operations, those that were taken included.
    package var count: Int { state.withLock { $0.count } }

    /// Operations for which there was no room. A history that has missed any cannot be judged.
    package var missed: Int { state.withLock { $0.missed } }

    package var unfitAnswers: [UnfitAnswer] { state.withLock { $0.unfit } }

    func open(_ action: HistoryOperation.Action, of image: ImageID, by client: String) -> Opened {
        state.withLock { state in
            state.count += 1
            guard state.held < capacity else {
                state.missed += 1
                return Opened(image: image, place: nil, number: state.count)
            }
            state.held += 1
            let operation = HistoryOperation(
                number: state.count, client: client, image: image, action: action, began: now)
            state.operations[image, default: []].append(operation)
            return Opened(image: image, place: state.operations[image, default: []].count - 1, number: state.count)
        }
    }

    func close(_ opened: Opened, _ outcome: HistoryOperation.Outcome) {
        state.withLock { state in
            // Whoever took the image's operations did not wait for this one.
            guard let place = opened.place, state.operations[opened.image]?.indices.contains(place) == true else {
                return
            }
            state.operations[opened.image]?[place].ended = now
            state.operations[opened.image]?[place].outcome = outcome
        }
    }

    func unfit(_ answer: UnfitAnswer) {
        state.withLock { if $0.unfit.count < Self.keptAnswers { $0.unfit.append(answer) } }
    }

    /// Writes down what was done to the fleet; the last 20,000 notes are kept.
    package func note(_ what: String) {
        state.withLock { state in
            if state.notes.count >= Self.keptNotes { state.notes.removeFirst(Self.keptNotes / 2) }
            state.notes.append(Note(at: now, what: what))
        }
    }

    /// Notes of this time, in nanoseconds from the beginning of the run.
    package func notes(_ span: ClosedRange<Int64>) -> [Note] {
        state.withLock { $0.notes.filter { span.contains($0.at) } }
    }

    package var images: [ImageID] { state.withLock { Array($0.operations.keys) } }

    /// The operations on an image, in the order in which they began.
    package func operations(of image: ImageID) -> [HistoryOperation] {
        state.withLock { $0.operations[image] ?? [] }
    }

    /// Hands out the operations on an image, and forgets them.
    package func take(_ image: ImageID) -> [HistoryOperation] {
        state.withLock { state in
            let taken = state.operations.removeValue(forKey: image) ?? []
            state.held -= taken.count
            return taken
        }
    }
}

import FaultHarness
import ImportModel

/// Histories of images that are copied to more stores.
extension HistoryCheckTests {
    private static let second = HistoryOperation.CopyOrder(["second"])
    private static let both = HistoryOperation.CopyOrder(["second", "third"])
    private static let either = HistoryOperation.CopyOrder(["second", "third"], mustAll: false)
    private static let everywhere = HistoryOperation.CopyOrder(["main", "second", "third"], sparesFilled: true)

    static let rightCopies: [Right] = [
        Right("a copy that fills one store after the other") { script in
            script.active()
            let copy = script.copies(both)
            script.show(.active)
            script.copyRefused(second)
            script.importRefused()
            script.show(.active, in: ["main", "third"])
            script.look(copy, .processing)
            script.show(.active, in: ["main", "second", "third"])
            script.look(copy, .success, .success)
            script.cancel(copy, .refused(409))
            script.copyRefused(second)
            script.ended(copy, .success)
        },
        Right("copies to all stores, until there is nothing to do") { script in
            script.active()
            let first = script.copies(second)
            script.show(.active, in: ["main", "second"])
            script.look(first, .success, .success)
            let rest = script.copies(everywhere)
            script.show(.active, in: ["main", "second", "third"])
            script.look(rest, .success, .success)
            script.copySpared(everywhere)
            script.ended(first, .success)
            script.ended(rest, .success)
        },
        Right("a copy that fails keeps what it has filled") { script in
            script.active()
            let copy = script.copies(both)
            script.look(copy, .failure, .attemptsSpent)
            script.show(.active, in: ["main", "second"])
            let rest = script.copies(everywhere)
            script.show(.active, in: ["main", "second", "third"])
            script.ended(copy, .attemptsSpent)
            script.ended(rest, .success)
        },
        Right("a copy that could do with one store") { script in
            script.active()
            let copy = script.copies(either)
            script.look(copy, .success, .success)
            script.show(.active, in: ["main", "third"])
            script.ended(copy, .success)
        },
        Right("a cancel beside a copy, after which another one fills the rest") { script in
            script.active()
            let first = script.copies(both)
            script.cancel(first, lasting: 2)
            script.show(.active)
            script.show(.active, in: ["main", "second"])
            let rest = script.copies(everywhere)
            script.show(.active, in: ["main", "second", "third"])
            script.ended(first, .cancelled)
            script.ended(rest, .success)
        },
        Right("a delete during a copy") { script in
            script.active()
            let copy = script.copies(both)
            script.delete()
            script.look(copy, .failure, .imageDeleted)
            script.copyRefused(second, 404)
            script.ended(copy, .imageDeleted)
        },
        Right("a copy whose answer was lost, and which happened", needsFacts: true) { script in
            script.active()
            let copy = script.copiesUnheard(second)
            script.show(.active)
            script.show(.active, in: ["main", "second"])
            script.ended(copy, .success)
        },
        Right("a copy that was taken over") { script in
            script.active()
            let (first, second) = (script.copies(both), script.copies(everywhere))
            script.show(.active, in: ["main", "second", "third"])
            script.ended(first, .stolen)
            script.ended(second, .success)
        },
    ]

    static let wrongCopies: [Wrong] = [
        Wrong("a store that is gone again") { script in
            script.active()
            let copy = script.copies(both)
            script.show(.active, in: ["main", "second"])
            script.show(.active)
            script.ended(copy, .attemptsSpent)
        },
        Wrong("a store that nobody asked for") { script in
            script.active()
            let copy = script.copies(second)
            script.show(.active, in: ["main", "third"])
            script.ended(copy, .attemptsSpent)
        },
        Wrong("a copy that succeeds without one of its stores") { script in
            script.active()
            let copy = script.copies(both)
            script.look(copy, .success, .success)
            script.show(.active, in: ["main", "second"])
            script.ended(copy, .success)
        },
        Wrong("a copy that succeeds without any of its stores") { script in
            script.active()
            let copy = script.copies(either)
            script.look(copy, .success, .success)
            script.show(.active)
            script.ended(copy, .success)
        },
        Wrong("a store that is filled after an acknowledged cancel") { script in
            script.active()
            let copy = script.copies(both)
            script.cancel(copy)
            script.show(.active)
            script.show(.active, in: ["main", "second"])
            script.ended(copy, .cancelled)
        },
        Wrong("a copy that takes the image out of service") { script in
            script.active()
            let copy = script.copies(second)
            script.show(.importing)
            script.ended(copy, .success)
        },
        Wrong("a failed copy after which the image is queued") { script in
            script.active()
            let copy = script.copies(second)
            script.show(.queued)
            script.ended(copy, .attemptsSpent)
        },
        Wrong("a copy of an image that is not active") { script in
            script.create()
            let copy = script.copies(second)
            script.ended(copy, .rejected)
        },
        Wrong("a copy into a store that has the image") { script in
            script.active()
            let first = script.copies(second)
            script.look(first, .success, .success)
            let again = script.copies(second)
            script.ended(first, .success)
            script.ended(again, .success)
        },
        Wrong("a refusal of a copy that nothing speaks against") { script in
            script.active()
            script.copyRefused(second)
        },
        Wrong("a copy to all stores that is told there is nothing to do, when there is") { script in
            script.active()
            script.copySpared(everywhere)
        },
        Wrong("two copies at once") { script in
            script.active()
            let (first, other) = (script.copies(second), script.copies(.init(["third"])))
            script.look(first, .processing)
            script.ended(first, .success)
            script.ended(other, .success)
        },
        Wrong("a digest that changes with a copy", .content) { script in
            script.active()
            let copy = script.copies(second)
            let other = String(repeating: "b", count: 128)
            script.show(.init(.active, size: HistoryScript.size, digest: other, stores: ["main", "second"]))
            script.ended(copy, .success)
        },
        Wrong("an acknowledged copy that is forgotten", .acknowledged, needsFacts: true) { script in
            script.active()
            _ = script.copies(second)
        },
    ]
}

extension HistoryScript {
    /// An image that has been imported into `main`.
    fileprivate mutating func active() {
        create()
        let task = imports()
        show(.active)
        ended(task, .success)
    }
}

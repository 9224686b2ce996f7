import FaultHarness
import ImportModel
import Testing

/// The judge itself: what is right passes, and each small wrong is seen.
@Suite struct HistoryCheckTests {
    /// A history that a faultless fleet could have had.
    struct Right: Sendable, CustomStringConvertible {
        let description: String
        /// Whether only the fleet's own word tells which task a lost answer was about.
        let needsFacts: Bool
        let script: @Sendable (inout HistoryScript) -> Void

        init(
            _ description: String, needsFacts: Bool = false,
            _ script: @escaping @Sendable (inout HistoryScript) -> Void
        ) {
            self.description = description
            self.needsFacts = needsFacts
            self.script = script
        }
    }

    /// A history that no order of its operations explains.
    struct Wrong: Sendable, CustomStringConvertible {
        let description: String
        let promise: Promise
        /// Whether it takes the fleet's own word to see it.
        let needsFacts: Bool
        let script: @Sendable (inout HistoryScript) -> Void

        init(
            _ description: String, _ promise: Promise = .linearizable, needsFacts: Bool = false,
            _ script: @escaping @Sendable (inout HistoryScript) -> Void
        ) {
            self.description = description
            self.promise = promise
            self.needsFacts = needsFacts
            self.script = script
        }
    }

    @Test("a right history passes", arguments: right + rightCopies)
    func passes(_ history: Right) {
        var script = HistoryScript()
        history.script(&script)
        #expect(script.verdict() == .right)
        if !history.needsFacts { #expect(script.verdict(knowingFacts: false) == .right) }
    }

    @Test("a wrong history is refused", arguments: wrong + wrongCopies)
    func refuses(_ history: Wrong) {
        var script = HistoryScript()
        history.script(&script)
        #expect(script.verdict().broken == history.promise, "\(script.verdict())")
        if !history.needsFacts {
            #expect(script.verdict(knowingFacts: false).broken != nil)
        }
    }

    @Test("a history with too much at once is neither right nor wrong")
    func undecided() {
        var script = HistoryScript()
        script.create()
        // Each may have happened at any time, or never.
        let tasks = (0..<24).map { _ in script.importsUnheard() }
        for task in tasks { script.cancel(task, .unknown("lost")) }
        script.showsNothing()
        var check = HistoryCheck()
        check.limit = 1000
        #expect(check.verdict(script.operations) == .undecided)
    }

    @Test("a long history is judged, whatever its length")
    func long() {
        var script = HistoryScript()
        script.create()
        for _ in 0..<100 {
            let task = script.imports()
            script.show(.importing)
            script.look(task, .processing)
            script.cancel(task)
            script.ended(task, .cancelled)
            script.show(.queued)
        }
        #expect(script.verdict() == .right)
        script.show(.active)
        #expect(script.verdict().broken == .linearizable)
    }

    static let right: [Right] = [
        Right("an import") { script in
            script.create()
            script.show(.queued)
            let task = script.imports()
            script.show(.importing)
            script.look(task, .processing)
            script.show(.active)
            script.look(task, .success, .success)
            script.importRefused()
            script.cancel(task, .refused(409))
            script.ended(task, .success)
        },
        Right("nothing but an empty history") { _ in },
        Right("an import that fails, and another one") { script in
            script.create()
            let first = script.imports()
            script.show(.queued)
            script.look(first, .failure, .rejected)
            let second = script.imports()
            script.show(.active)
            script.ended(first, .rejected)
            script.ended(second, .success)
        },
        Right("a cancel beside the publish, which was faster") { script in
            script.create()
            let task = script.imports()
            script.cancel(task, .refused(409), lasting: 2)
            script.show(.importing)
            script.show(.active)
            script.ended(task, .success)
        },
        Right("a cancel whose answer was lost, and which happened") { script in
            script.create()
            let task = script.imports()
            script.cancel(task, .unknown("lost"))
            script.show(.importing)
            script.show(.queued)
            script.ended(task, .cancelled)
        },
        Right("a cancel whose answer was lost, and which never happened") { script in
            script.create()
            let task = script.imports()
            script.cancel(task, .unknown("lost"))
            script.show(.active)
            script.ended(task, .success)
        },
        Right("an import whose answer was lost, and which happened late", needsFacts: true) { script in
            script.create()
            let task = script.importsUnheard()
            script.show(.queued)
            script.show(.importing)
            script.cancel(task)
            script.cancel(task)
            script.ended(task, .cancelled)
        },
        Right("an import whose answer was lost, and which never happened") { script in
            script.create()
            _ = script.importsUnheard()
            script.show(.queued)
        },
        Right("a create whose answer was lost") { script in
            script.create(.unknown("lost"))
            script.create(.refused(409))
            script.show(.queued)
        },
        Right("a create whose answer was lost, and which never happened") { script in
            script.create(.unknown("lost"))
            script.showsNothing()
            script.importRefused(404)
        },
        Right("a delete beside a publish, seen in either order") { script in
            script.create()
            let task = script.imports()
            script.delete(lasting: 3)
            script.show(.importing)
            script.show(.active)
            script.showsNothing()
            script.delete(.refused(404))
            script.ended(task, .success)
        },
        Right("a delete during an import") { script in
            script.create()
            let task = script.imports()
            script.delete()
            script.look(task, .failure, .imageDeleted)
            script.cancel(task, .refused(409))
            script.importRefused(404)
            script.create(.refused(409))
            script.ended(task, .imageDeleted)
        },
        Right("two deletes at once that are both told of success") { script in
            script.create()
            script.delete(lasting: 1)
            script.delete()
            script.showsNothing()
        },
        Right("a lock that was taken over") { script in
            script.create()
            let first = script.imports()
            let second = script.imports()
            script.show(.active)
            script.ended(first, .stolen)
            script.ended(second, .success)
        },
    ]
}

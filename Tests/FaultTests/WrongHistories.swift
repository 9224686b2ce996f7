import FaultHarness
import ImportModel

extension HistoryCheckTests {
    static let wrong: [Wrong] = [
        Wrong("an acknowledged import that is forgotten", .acknowledged, needsFacts: true) { script in
            script.create()
            _ = script.imports()
            script.show(.queued)
        },
        Wrong("an acknowledged import that nothing shows") { script in
            script.create()
            let task = script.imports()
            script.show(.queued)
            script.show(.importing)
            script.ended(task, .success)
        },
        Wrong("an acknowledged create that nothing shows") { script in
            script.create()
            script.showsNothing()
        },
        Wrong("an active image that is queued again") { script in
            script.create()
            let task = script.imports()
            script.show(.active)
            script.show(.queued)
            script.ended(task, .success)
        },
        Wrong("an active image that imports again") { script in
            script.create()
            let task = script.imports()
            script.show(.active)
            script.show(.importing)
            script.ended(task, .success)
        },
        Wrong("an active image that takes another import", needsFacts: true) { script in
            script.create()
            let (first, second) = (script.imports(), script.imports())
            script.show(.active)
            script.ended(first, .success)
            script.ended(second, .cancelled)
        },
        Wrong("two imports that were both published", .publishedOnce, needsFacts: true) { script in
            script.create()
            let first = script.imports()
            script.show(.active)
            let second = script.importsUnheard()
            script.ended(first, .success)
            script.ended(second, .success)
        },
        Wrong("an active image whose digest changes", .content) { script in
            script.create()
            let task = script.imports()
            script.show(.active)
            let other = String(repeating: "b", count: 128)
            script.show(.init(.active, size: HistoryScript.size, digest: other, stores: ["main"]))
            script.ended(task, .success)
        },
        Wrong("an active image of another size than its source") { script in
            script.create()
            let task = script.imports()
            script.show(
                .init(.active, size: HistoryScript.size + 1, digest: HistoryScript.digest, stores: ["main"]))
            script.ended(task, .success)
        },
        Wrong("an active image without a digest") { script in
            script.create()
            let task = script.imports()
            script.show(.init(.active, size: HistoryScript.size, stores: ["main"]))
            script.ended(task, .success)
        },
        Wrong("a digest before the image is active") { script in
            script.create()
            let task = script.imports()
            script.show(.init(.importing, size: HistoryScript.size, digest: HistoryScript.digest))
            script.ended(task, .success)
        },
        Wrong("an image that is back after an acknowledged delete") { script in
            script.create()
            script.delete()
            script.show(.queued)
        },
        Wrong("an image that is back after it was seen to be gone") { script in
            script.create()
            script.delete(.unknown("lost"))
            script.showsNothing()
            script.show(.queued)
        },
        Wrong("a stale read after an acknowledged delete") { script in
            script.create()
            let task = script.imports()
            script.show(.active)
            script.delete()
            script.show(.active)
            script.ended(task, .success)
        },
        Wrong("an id that is used again after its image was deleted") { script in
            script.create()
            script.delete()
            script.create()
        },
        Wrong("a second delete that is told of success, long after the first") { script in
            script.create()
            script.delete()
            script.delete()
        },
        Wrong("a publish after an acknowledged cancel") { script in
            script.create()
            let task = script.imports()
            script.cancel(task)
            script.show(.active)
            script.ended(task, .cancelled)
        },
        Wrong("a task that succeeds though its cancel was acknowledged", needsFacts: true) { script in
            script.create()
            let task = script.imports()
            script.cancel(task)
            script.ended(task, .success)
        },
        Wrong("a cancelled task that runs on") { script in
            script.create()
            let task = script.imports()
            script.cancel(task)
            script.look(task, .processing)
            script.ended(task, .cancelled)
        },
        Wrong("a cancelled task whose image stays locked") { script in
            script.create()
            let task = script.imports()
            script.cancel(task)
            script.importRefused()
            script.ended(task, .cancelled)
        },
        Wrong("a cancel that comes too late for a task that still runs") { script in
            script.create()
            let task = script.imports()
            script.cancel(task, .refused(409))
            script.look(task, .processing)
            script.ended(task, .success)
        },
        Wrong("a cancel that nobody asked for", needsFacts: true) { script in
            script.create()
            let task = script.imports()
            script.ended(task, .cancelled)
        },
        Wrong("an import that takes a held lock") { script in
            script.create()
            let first = script.imports()
            let second = script.imports()
            script.look(first, .processing)
            script.ended(first, .cancelled)
            script.ended(second, .success)
        },
        Wrong("a refusal of an import of a free image") { script in
            script.create()
            script.importRefused()
        },
        Wrong("an import into an image that does not exist") { script in
            let task = script.imports()
            script.ended(task, .rejected)
        },
        Wrong("a task that nobody asked for", needsFacts: true) { script in
            script.create()
            script.ended(.random(), .rejected)
        },
        Wrong("a request that made two tasks", needsFacts: true) { script in
            script.create()
            let task = script.imports()
            script.ended(task, .rejected)
            script.ended(.random(), .rejected, request: "r-\(task)")
        },
        Wrong("a finished task that changes") { script in
            script.create()
            let task = script.imports()
            script.look(task, .failure, .rejected)
            script.look(task, .failure, .attemptsSpent)
            script.ended(task, .rejected)
        },
        Wrong("a finished task that runs again") { script in
            script.create()
            let task = script.imports()
            script.look(task, .failure, .rejected)
            script.look(task, .pending)
            script.ended(task, .rejected)
        },
        Wrong("a task that ended otherwise than it was seen to", needsFacts: true) { script in
            script.create()
            let task = script.imports()
            script.look(task, .success, .success)
            script.ended(task, .rejected)
        },
        Wrong("an acknowledged task that is gone") { script in
            script.create()
            let task = script.imports()
            script.add(.look(task), .refused(404))
            script.ended(task, .success)
        },
    ]
}

import ImportModel
import RedisClient
import TestSupport
import Testing

@testable import LeaseStore

/// The online check: each invariant is broken on purpose, found as that one and nothing else, and repaired.
@Suite struct AuditTests {
    /// A fleet in which everything that an image and a task can be is there once.
    struct Scene {
        let fleet: Fleet
        let waiting: NewTask
        let running: Claim
        let delayed: NewTask
        /// Its import succeeded.
        let active: ImageRecord
        let ended: TaskID
        let staged: ImageRecord
        let idle: ImageID
        /// Has a name, a tag and a member, and is hidden.
        let labelled: ImageID

        init(_ fleet: Fleet) async throws {
            self.fleet = fleet
            let done = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            active = try await fleet.imageRecord(done.image)
            ended = done.id
            delayed = try await fleet.queue()
            let failing = try await fleet.claim()
            _ = try await fleet.store.fail(failing.attempt, .retry(after: .seconds(600)), reason: "reset")
            _ = try await fleet.queue()
            running = try await fleet.claim()
            waiting = try await fleet.queue()
            let image = try await fleet.image()
            _ = try await fleet.stage(image)
            staged = try await fleet.imageRecord(image)
            idle = try await fleet.image()
            var labels = ImageRecord(id: .random())
            (labels.name, labels.tags, labels.isHidden) = ("a\0b", ["a"], true)
            labelled = labels.id
            #expect(try await fleet.store.createImage(labels) != nil)
            guard case .added = try await fleet.store.addMember("p", to: labels.id, limit: 1) else {
                throw NoTask(reply: "no member")
            }
        }

        var keys: Keys { fleet.store.keys }

        func send(_ command: String, _ arguments: any RedisArgument...) async throws {
            try await fleet.client.send(RedisCommand(command, arguments: arguments))
        }

        /// The ended task stands in its tenant's queue, as if it had never left.
        func enqueueEnded() async throws {
            try await send("ZADD", "{test}:queue:tenant", 1, ended.rawValue)
            try await send("HINCRBY", keys.control, "pending_bytes", active.sizeBytes ?? 0)
        }

        /// Nothing of the tenant waits but what a test puts into its queue; the tenant keeps its turn.
        func delayWaiting() async throws {
            try await send("ZREM", "{test}:queue:tenant", waiting.id.rawValue)
            try await send("ZADD", "{test}:delayed", Int64(1) << 50, waiting.id.rawValue)
            try await send("HSET", keys.task(waiting.id), "due_at", Int64(1) << 50)
        }

        /// A second task for an image that has one.
        func copy(_ task: TaskID, queued: Bool) async throws {
            let twin = TaskID.random()
            try await send("COPY", keys.task(task), keys.task(twin))
            try await send("ZADD", keys.live, 1, twin.rawValue)
            if queued { try await send("ZADD", "{test}:queue:tenant", 1, twin.rawValue) }
        }
    }

    struct Break: CustomTestStringConvertible, Sendable {
        let invariant: Invariant
        let testDescription: String
        let action: @Sendable (Scene) async throws -> Void

        init(_ invariant: Invariant, _ what: String, _ action: @escaping @Sendable (Scene) async throws -> Void) {
            self.invariant = invariant
            testDescription = what
            self.action = action
        }
    }

    static let breaks: [Break] = [
        Break(.l1, "a lock of an idle image names a task that never was") {
            try await $0.send("SET", $0.keys.lock($0.idle), TaskID.random().rawValue)
        },
        Break(.l1, "a lock of an active image names its ended task") {
            try await $0.send("SET", $0.keys.lock($0.active.id), $0.ended.rawValue)
        },
        Break(.l1, "a lock names a live task of another image") {
            try await $0.send("SET", $0.keys.lock($0.idle), $0.waiting.id.rawValue)
        },
        Break(.l2, "the lock of a waiting task is gone") { try await $0.send("DEL", $0.keys.lock($0.waiting.image)) },
        Break(.l2, "the lock of a running task is gone") {
            try await $0.send("DEL", $0.keys.lock($0.running.task.image))
        },
        Break(.l2, "the lock of a running task names a task of another image") {
            try await $0.send("SET", $0.keys.lock($0.running.task.image), $0.waiting.id.rawValue)
        },
        Break(.l2, "an image has two live tasks") { try await $0.copy($0.waiting.id, queued: true) },
        Break(.l2, "the image of a live task is gone") {
            let image = $0.waiting.image
            let record = try await $0.fleet.imageRecord(image)
            try await $0.send("DEL", $0.keys.image(image))
            try await $0.send("HSET", $0.keys.image(image), "status", "deleted")
            for index in Self.indexes(of: record) {
                try await $0.send("ZREM", $0.keys.index(index), index.place(of: record).entry)
            }
        },
        Break(.q1, "a waiting task is in no queue") {
            try await $0.send("ZREM", "{test}:queue:tenant", $0.waiting.id.rawValue)
            try await $0.send("DEL", "{test}:ring")
        },
        Break(.q1, "a delayed task is in no queue") { try await $0.send("DEL", "{test}:delayed") },
        Break(.q1, "a waiting task is delayed, too") {
            try await $0.send("ZADD", "{test}:delayed", 1, $0.waiting.id.rawValue)
        },
        Break(.q1, "a running task is in the queue, too") {
            try await $0.send("ZADD", "{test}:queue:tenant", 1, $0.running.task.id.rawValue)
        },
        Break(.q1, "a waiting task is in another tenant's queue, too") {
            try await $0.send("ZADD", "{test}:queue:other", 1, $0.waiting.id.rawValue)
            try await $0.send("ZADD", "{test}:ring", 0, "other")
        },
        Break(.q1, "a waiting task is not in live") { try await $0.send("ZREM", $0.keys.live, $0.waiting.id.rawValue) },
        Break(.q1, "a running task is not in live") {
            try await $0.send("ZREM", $0.keys.live, $0.running.task.id.rawValue)
        },
        Break(.q1, "an ended task is in live") { try await $0.send("ZADD", $0.keys.live, 1, $0.ended.rawValue) },
        Break(.q1, "an ended task is in its tenant's queue") { try await $0.enqueueEnded() },
        Break(.q1, "an ended task is in its tenant's queue, and nothing else") {
            try await $0.delayWaiting()
            try await $0.enqueueEnded()
        },
        Break(.q1, "an ended task that its image has forgotten is in its tenant's queue, and nothing else") {
            try await $0.delayWaiting()
            try await $0.enqueueEnded()
            try await $0.send("ZREM", $0.keys.imageTasks($0.active.id), $0.ended.rawValue)
        },
        Break(.q1, "a task that never was is in the queue, and nothing else") {
            try await $0.delayWaiting()
            try await $0.send("ZADD", "{test}:queue:tenant", 1, TaskID.random().rawValue)
        },
        Break(.q1, "an ended task is delayed") { try await $0.send("ZADD", "{test}:delayed", 1, $0.ended.rawValue) },
        Break(.q1, "an ended task is in the leases") {
            try await $0.send("ZADD", $0.keys.leases, 1, $0.ended.rawValue)
        },
        Break(.q1, "a task that never was is in live") {
            try await $0.send("ZADD", $0.keys.live, 1, TaskID.random().rawValue)
        },
        Break(.q1, "a task that never was is in the queue") {
            try await $0.send("ZADD", "{test}:queue:tenant", 1, TaskID.random().rawValue)
        },
        Break(.q1, "a task that never was is in the leases") {
            try await $0.send("ZADD", $0.keys.leases, 1, TaskID.random().rawValue)
        },
        Break(.q1, "a tenant with tasks has no turn") { try await $0.send("DEL", "{test}:ring") },
        Break(.q1, "a tenant without tasks has a turn") { try await $0.send("ZADD", "{test}:ring", 0, "nobody") },
        Break(.q2, "a running task is in no lease") {
            try await $0.send("ZREM", $0.keys.leases, $0.running.task.id.rawValue)
        },
        Break(.q2, "a running task has a wrong lease") {
            try await $0.send("ZADD", $0.keys.leases, 1, $0.running.task.id.rawValue)
        },
        Break(.q2, "a waiting task is in the leases") {
            try await $0.send("ZADD", $0.keys.leases, 1, $0.waiting.id.rawValue)
        },
        Break(.s1, "an image is importing, and nobody imports it") {
            try await $0.send("HSET", $0.keys.image($0.idle), "status", "importing", "importing", "main")
        },
        Break(.s1, "an image is saving, and nobody uploads it") {
            try await $0.send("HSET", $0.keys.image($0.idle), "status", "saving")
        },
        Break(.s1, "an image is uploading, and nobody stages it") {
            try await $0.send("HSET", $0.keys.image($0.idle), "status", "uploading", "size", "7")
        },
        Break(.s1, "staged data wait for an import that is not there") {
            try await $0.send("HSET", $0.keys.image($0.staged.id), "status", "importing")
        },
        Break(.s1, "a published image is importing, and nobody imports it") {
            try await $0.send("HSET", $0.keys.image($0.active.id), "status", "importing", "importing", "main")
        },
        Break(.s1, "a published image is saving, and nobody uploads it") {
            try await $0.send("HSET", $0.keys.image($0.active.id), "status", "saving")
        },
        Break(.s1, "a published image is uploading, and nobody stages it") {
            try await $0.send("HSET", $0.keys.image($0.active.id), "status", "uploading")
        },
        Break(.s1, "an image does not know that it is imported") {
            try await $0.send("HSET", $0.keys.image($0.running.task.image), "status", "queued")
        },
        Break(.s1, "a task is about an image that it can never publish") {
            try await $0.send("HSET", $0.keys.image($0.waiting.image), "status", "killed")
        },
        Break(.o6, "the object of an active image is garbage") {
            try await $0.send("ZADD", $0.keys.garbage, 1, "main \($0.active.locations[Fleet.main] ?? "")")
        },
        Break(.o6, "staged data are garbage") {
            try await $0.send("ZADD", $0.keys.garbage, 1, "main \($0.staged.stage?.key ?? "")")
        },
        Break(.o6, "what a running attempt writes is garbage") {
            try await $0.send("ZADD", $0.keys.garbage, 1, "main \($0.running.task.image)/\($0.running.nonce)")
        },
        Break(.i1, "an index of tags has lost an image") { try await $0.send("DEL", "{test}:index:tag:a") },
        Break(.i1, "an index of members has lost an image") { try await $0.send("DEL", "{test}:index:member:p") },
        Break(.i1, "the index of hidden images has lost one") { try await $0.send("DEL", "{test}:index:hidden") },
        Break(.i1, "a changed image stands where it stood before") {
            try await $0.send("ZADD", $0.keys.index(.updated), 1, $0.active.id.rawValue)
        },
        Break(.i1, "an image that waits for its bytes is taken for an active one") {
            try await $0.send("ZREM", $0.keys.index(.inactive), $0.idle.rawValue)
        },
        Break(.i1, "a name has no place in the order of names") {
            let record = try await $0.fleet.imageRecord($0.labelled)
            try await $0.send("ZREM", $0.keys.index(.name), ImageIndex.name.place(of: record).entry)
        },
    ]

    /// Of an image that a fleet's test makes, with a task.
    private static func indexes(of image: ImageRecord) -> [ImageIndex] {
        [.images, .updated, .name, .inactive, .visibility(image.visibility), .owner(image.owner ?? "")]
    }

    @Test("what is broken is found as that invariant, counted, told, and repaired", arguments: breaks)
    func repairs(_ broken: Break) async throws {
        try await withFleet { fleet in
            let scene = try await Scene(fleet)
            #expect(try await fleet.unchanged { try await fleet.look() }.faults == [])
            let last = try await fleet.store.lastEventID()
            try await broken.action(scene)

            let report = try await fleet.look()
            #expect(report.faults.map(\.invariant) == [broken.invariant], "\(report.faults)")
            #expect(try await fleet.look().faults == [])
            try await fleet.expectInvariants()
            #expect(
                try await fleet.store.counters().filter { $0.key.hasPrefix("faults:") } == [
                    "faults:\(broken.invariant.rawValue)": 1
                ])
            // Some are about no image, and are only counted.
            let told = try await fleet.store.events(after: last, atMost: .seconds(1)).filter { $0.type == "fault" }
            #expect(told.allSatisfy { $0.detail.hasPrefix(broken.invariant.rawValue) })
            // Nobody who was not broken has lost anything.
            #expect(try await fleet.publish(scene.running) == .published)
            var active = try await fleet.imageRecord(scene.active.id)
            active.updatedAtMs = scene.active.updatedAtMs
            #expect(active == scene.active)
            if broken.testDescription.contains("staged data wait") {
                #expect(try await fleet.imageRecord(scene.staged.id).status == .uploading)
            }
        }
    }

    @Test("a healthy fleet is looked at as a whole, and nothing is found or changed")
    func healthy() async throws {
        try await withFleet { fleet in
            for number in 0..<300 { _ = try await fleet.queue(owner: "t\(number % 7)") }
            for _ in 0..<20 { _ = try await fleet.claim() }
            let failing = try await fleet.claim()
            _ = try await fleet.store.fail(failing.attempt, .retry(after: .seconds(60)), reason: "reset")
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            let report = try await fleet.unchanged { try await fleet.look() }
            #expect(report.faults == [])
            #expect(report.looked == [.tasks: 299, .images: 300])
            let counters = try await fleet.store.counters()
            #expect(counters["audited:tasks"] == 299)
            #expect(counters["audited:images"] == 300)
        }
    }

    @Test("many faults at once are all repaired")
    func many() async throws {
        try await withFleet { fleet in
            for _ in 0..<250 { _ = try await fleet.queue() }
            try await fleet.client.send("DEL", "{test}:queue:tenant", "{test}:ring")
            for _ in 0..<250 { try await fleet.client.send("ZADD", "{test}:delayed", 1, TaskID.random().rawValue) }
            #expect(try await fleet.look().faults.count == 500)
            #expect(try await fleet.look().faults == [])
        }
    }

    @Test("a lock of nobody on a published image that is importing does not lead to a second import")
    func publishedAndLocked() async throws {
        try await withFleet { fleet in
            let scene = try await Scene(fleet)
            let image = scene.active.id
            try await scene.send("HSET", scene.keys.image(image), "status", "importing")
            try await scene.send("SET", scene.keys.lock(image), TaskID.random().rawValue)
            let wish = Fleet.download(image)
            #expect(try await fleet.store.createImport(wish, wanted: .queued) == .wrongStatus(.active))
            #expect(try await fleet.look().faults.map(\.invariant) == [.l1, .s1])
            #expect(try await fleet.imageRecord(image).status == .active)
        }
    }

    @Test("locations without digests are imported into by nobody, and can be deleted")
    func lostDigests() async throws {
        try await withFleet { fleet in
            let scene = try await Scene(fleet)
            let image = scene.active.id
            try await scene.send("HSET", scene.keys.image(image), "status", "importing")
            try await scene.send("HDEL", scene.keys.image(image), "sha512")
            #expect(try await fleet.look().faults.map(\.invariant) == [.s1])
            #expect(try await fleet.look().faults == [])
            #expect(try await fleet.imageRecord(image).locations == scene.active.locations)
            let wish = Fleet.download(image)
            #expect(try await fleet.store.createImport(wish, wanted: .queued) == .wrongStatus(.killed))
            #expect(try await fleet.store.deleteImage(image) == .deleted)
            #expect(try await fleet.garbage().contains("main \(scene.active.locations[Fleet.main] ?? "")"))
        }
    }

    @Test("a round meets every image that stays, whatever comes and goes, under one server and the next")
    func movingWalk() async throws {
        try await withFleet(["--appendonly", "yes", "--appendfsync", "always"]) { fleet in
            var images: Set<ImageID> = []
            // More than Redis keeps in a list: its own cursors would mean something else after each restart.
            for _ in 0..<400 { images.insert(try await fleet.image()) }
            // Many of one millisecond, more than one part.
            for id in images.prefix(30) {
                try await fleet.client.send("ZADD", fleet.store.keys.index(.images), 1, id.rawValue)
            }
            var met: Set<ImageID> = []
            for step in 1...200 {
                let scan = try await LeaseStore.insist(for: .seconds(20)) {
                    try await fleet.store.scanImages(walk: "a", atMost: 20)
                }
                met.formUnion(scan.ids)
                guard scan.next != nil else { break }
                try #require(step < 200, "the round does not end")
                // The one at which the walk stands goes, and another one comes.
                let last = try #require(scan.ids.last)
                #expect(try await fleet.store.deleteImage(last) == .deleted)
                images.remove(last)
                _ = try await fleet.image()
                if step.isMultiple(of: 4), step <= 12 { try await fleet.server.restart() }
            }
            #expect(images.subtracting(met) == [])
            // Those that were put into another millisecond.
            #expect(try await fleet.look().faults.allSatisfy { $0.invariant == .i1 })
        }
    }

    @Test("a walk of the fleet goes on where the last one stopped, and meets every image once a round")
    func walk() async throws {
        try await withFleet { fleet in
            var images: Set<ImageID> = []
            for _ in 0..<400 { images.insert(try await fleet.image()) }
            for _ in 0..<2 {
                var met: Set<ImageID> = []
                var steps = 0
                while true {
                    let scan = try await fleet.store.scanImages(walk: "a", atMost: 50)
                    met.formUnion(scan.ids)
                    steps += 1
                    // Another walk is somewhere else.
                    _ = try await fleet.store.scanImages(walk: "b", atMost: 10)
                    if scan.next == nil { break }
                }
                #expect(met == images)
                #expect(steps > 3)
            }
        }
    }

    @Test("an object that is missing counts while something names it, and not when it rightly went")
    func objects() async throws {
        try await withFleet { fleet in
            let scene = try await Scene(fleet)
            let key = try #require(scene.active.locations[Fleet.main])
            let broken = [BrokenObject(key: key, text: "is missing")]
            let last = try await fleet.store.lastEventID()
            let report = try await fleet.unchanged {
                try await fleet.store.reportObjects(of: Fleet.main, looked: 3, broken: broken)
            }
            #expect(report.faults.map(\.invariant) == [.o3])
            #expect(report.faults.first?.text == "object \(key) in store main is missing")
            #expect(report.looked == [.objects: 3])
            #expect(try await fleet.store.counters()["faults:O3"] == 1)
            #expect(try await fleet.store.counters()["audited:objects"] == 3)
            let event = try await fleet.store.events(after: last, atMost: .seconds(1)).first
            #expect(event?.imageId == scene.active.id)
            #expect(event?.taskId == nil)
            // In another store nothing of it was ever promised.
            #expect(try await fleet.store.reportObjects(of: Fleet.far, looked: 1, broken: broken).faults == [])
            #expect(try await fleet.store.deleteImage(scene.active.id) == .deleted)
            #expect(try await fleet.store.reportObjects(of: Fleet.main, looked: 1, broken: broken).faults == [])
            #expect(try await fleet.store.counters()["faults:O3"] == 1)
        }
    }
}

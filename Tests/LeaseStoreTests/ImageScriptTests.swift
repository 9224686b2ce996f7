import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct ImageScriptTests {
    @Test("an image comes back as it was made, and its id is never used twice")
    func create() async throws {
        try await withFleet { fleet in
            var image = ImageRecord(id: .random())
            image.name = "näme"
            image.owner = "tenant"
            image.visibility = .private
            image.diskFormat = "qcow2"
            image.minDisk = 3
            image.isHidden = true
            image.properties = ["os": "linux", "t:odd": "", "p": "loc:main", "\u{301}accent": "1"]
            image.tags = ["a", "b c", "\u{301}accent"]
            let made = try #require(try await fleet.store.createImage(image))
            #expect(made == (try await fleet.imageRecord(image.id)))
            #expect(made.properties == image.properties)
            #expect(made.tags == image.tags)
            try await fleet.changesNothing { () async throws in #expect(try await fleet.store.createImage(image) == nil)
            }
            #expect(try await fleet.store.deleteImage(image.id) == .deleted)
            #expect(try await fleet.store.image(image.id) == nil)
            try await fleet.changesNothing { () async throws in #expect(try await fleet.store.createImage(image) == nil)
            }
        }
    }

    @Test("an update writes only its fields, and is refused on an old revision, a frozen format or no image")
    func update() async throws {
        try await withFleet { fleet in
            let id = try await fleet.image()
            let image = try await fleet.imageRecord(id)
            var changed = image
            changed.name = "new"
            changed.tags = ["x"]
            changed.diskFormat = nil
            #expect(try await fleet.store.updateImage(image, to: changed) == .updated(revision: 1))
            var now = try await fleet.imageRecord(id)
            #expect(now.name == "new")
            #expect(now.diskFormat == nil)
            #expect(now.containerFormat == "bare")
            #expect(now.tags == ["x"])
            var nobody = image
            nobody.id = .random()
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.updateImage(image, to: changed) == .conflict)
                #expect(try await fleet.store.updateImage(nobody, to: changed) == .noImage)
                await #expect(throws: LeaseStoreError.self) {
                    try await fleet.store.call(Scripts.imageUpdate, [id.rawValue, 1, 1, "name", "min_disk"])
                }
                let many = (0..<5000).map { "p:\($0)" as any RedisArgument }
                await #expect(throws: LeaseStoreError.self) {
                    try await fleet.store.call(Scripts.imageUpdate, [id.rawValue, 1, 5000] + many)
                }
            }
            var formatted = now
            formatted.diskFormat = "raw"
            #expect(try await fleet.store.updateImage(now, to: formatted) == .updated(revision: 2))
            let task = Fleet.download(id)
            _ = try await fleet.store.createImport(task, wanted: .queued)
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            now = try await fleet.imageRecord(id)
            changed = now
            changed.diskFormat = "qcow2"
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.updateImage(now, to: changed) == .wrongStatus(.active))
            }
            changed = now
            changed.properties = ["a": "b"]
            #expect(try await fleet.store.updateImage(now, to: changed) == .updated(revision: 3))
            let after = try await fleet.imageRecord(id)
            #expect(after.locations == now.locations)
            #expect(after.digests == now.digests)
        }
    }

    @Test("a delete ends the task that runs, and makes garbage of all bytes; its worker can publish nothing")
    func delete() async throws {
        try await withFleet { fleet in
            let protected = try await fleet.image(isProtected: true)
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.deleteImage(protected) == .protected)
                #expect(try await fleet.store.deleteImage(.random()) == .noImage)
            }
            #expect(try await fleet.store.deleteImage(task.image) == .deleted)
            try await fleet.expectInvariants()
            #expect(try await fleet.task(task.id).result == .imageDeleted)
            #expect(try await fleet.garbage() == ["main \(task.image)/\(claim.nonce)"])
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.publish(claim) == .lost(LostLease(why: .ended(.imageDeleted))))
                #expect(try await fleet.store.deleteImage(task.image) == .noImage)
            }

            let published = try await fleet.queue(stores: [Fleet.main, Fleet.far])
            let winner = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            #expect(try await fleet.publish(winner, stores: [Fleet.main, Fleet.far]) == .published)
            #expect(try await fleet.store.deleteImage(published.image) == .deleted)
            let key = "\(published.image)/\(winner.nonce)"
            #expect(Set(try await fleet.garbage()).isSuperset(of: ["main \(key)", "far \(key)"]))

            let staged = try await fleet.image()
            let stage = try await fleet.stage(staged)
            #expect(try await fleet.store.deleteImage(staged) == .deleted)
            #expect(try await fleet.garbage().contains("main \(stage.key)"))
        }
    }

    @Test("a cancel ends a task wherever it stands, and nothing is published after it")
    func cancel() async throws {
        try await withFleet { fleet in
            let (waiting, running, delayed) = (
                try await fleet.queue(priority: 0), try await fleet.queue(priority: 9),
                try await fleet.queue(priority: 8)
            )
            let claim = try await fleet.claim()
            let failing = try await fleet.claim()
            _ = try await fleet.store.fail(failing.attempt, .retry(after: .seconds(60)), reason: "reset")
            for task in [waiting, running, delayed] {
                #expect(try await fleet.store.cancel(task.id, message: "by request") == .cancelled)
                try await fleet.expectInvariants()
                #expect(try await fleet.unchanged { try await fleet.store.cancel(task.id, message: "x") } == .cancelled)
                let record = try await fleet.imageRecord(task.image)
                #expect(record.status == .queued)
                #expect(record.lockedBy == nil)
            }
            #expect(try await fleet.task(running.id).message == "by request")
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.publish(claim) == .lost(LostLease(why: .ended(.cancelled))))
                #expect(try await fleet.store.cancel(.random(), message: "") == .noTask)
            }
            let done = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.cancel(done.id, message: "") == .terminal(.success))
            }
        }
    }

    @Test("a task that ends puts back no status but its own")
    func foreignStatus() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            _ = try await fleet.claim()
            try await fleet.client.send("HSET", fleet.store.keys.image(task.image), "status", "deactivated")
            #expect(try await fleet.store.cancel(task.id, message: "") == .cancelled)
            #expect(try await fleet.imageRecord(task.image).status == .deactivated)
        }
    }

    @Test("only an active image is taken out of service; deactivated it keeps its bytes, and no task begins at it")
    func switching() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.switchImage(task.image, isActive: false) == .wrongStatus(.importing))
                #expect(try await fleet.store.switchImage(.random(), isActive: false) == .noImage)
                await #expect(throws: LeaseStoreError.self) {
                    try await fleet.store.call(Scripts.imageSwitch, [task.image.rawValue, "queued"])
                }
            }
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            let before = try await fleet.imageRecord(task.image)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.switchImage(task.image, isActive: true) == .switched)
            }
            #expect(try await fleet.store.switchImage(task.image, isActive: false) == .switched)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.switchImage(task.image, isActive: false) == .switched)
                let wish = Fleet.download(task.image)
                #expect(try await fleet.store.createImport(wish, wanted: .queued) == .wrongStatus(.deactivated))
            }
            try await fleet.expectInvariants()
            var now = try await fleet.imageRecord(task.image)
            #expect(now.status == .deactivated)
            #expect(try await fleet.store.switchImage(task.image, isActive: true) == .switched)
            now = try await fleet.imageRecord(task.image)
            now.updatedAtMs = before.updatedAtMs
            #expect(now == before)
            #expect(try await fleet.store.deleteImage(task.image) == .deleted)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.switchImage(task.image, isActive: true) == .noImage)
            }
        }
    }

    @Test("a shared image gets members, who answer, and goes on without them")
    func members() async throws {
        try await withFleet { fleet in
            let id = try await fleet.image()
            let store = fleet.store
            guard case .added(let added) = try await store.addMember("p\u{301}", to: id, limit: 2) else {
                Issue.record("not added")
                return
            }
            #expect(added.status == .pending)
            #expect(try await fleet.imageRecord(id).members == ["p\u{301}": added])
            #expect(try await store.answer(.accepted, of: "other", to: id) == .noMember)
            let answered = try await store.answer(.accepted, of: "p\u{301}", to: id)
            let record = try #require(try await fleet.imageRecord(id).members["p\u{301}"])
            #expect(answered == .answered(record))
            #expect(record.status == .accepted)
            #expect(record.createdAtMs == added.createdAtMs)
            try await fleet.changesNothing { () async throws in
                #expect(try await store.answer(.accepted, of: "p\u{301}", to: id) == answered)
                #expect(try await store.addMember("p\u{301}", to: id, limit: 2) == .exists)
                #expect(try await store.addMember("p", to: .random(), limit: 2) == .noImage)
                #expect(try await store.removeMember("q", from: id) == .noMember)
                #expect(try await store.removeMember("q", from: .random()) == .noImage)
                #expect(try await store.answer(.accepted, of: "q", to: .random()) == .noImage)
            }
            guard case .added = try await store.addMember("q", to: id, limit: 2) else {
                Issue.record("not added")
                return
            }
            try await fleet.changesNothing { () async throws in
                #expect(try await store.addMember("r", to: id, limit: 2) == .full)
            }
            #expect(try await store.removeMember("q", from: id) == .removed)
            #expect(try await fleet.imageRecord(id).members.keys.sorted() == ["p\u{301}"])

            let image = try await fleet.imageRecord(id)
            var hidden = image
            hidden.visibility = .private
            #expect(try await store.updateImage(image, to: hidden) == .updated(revision: 1))
            try await fleet.changesNothing { () async throws in
                #expect(try await store.addMember("r", to: id, limit: 2) == .notShared(.private))
            }
            #expect(try await fleet.imageRecord(id).members == ["p\u{301}": record])
            #expect(try await store.deleteImage(id) == .deleted)
            try await fleet.changesNothing { () async throws in
                #expect(try await store.addMember("p", to: id, limit: 2) == .noImage)
                #expect(try await store.removeMember("p", from: id) == .noImage)
            }
        }
    }

    @Test("images are listed by age, in pages")
    func list() async throws {
        try await withFleet { fleet in
            var ids: [ImageID] = []
            for _ in 0..<25 { ids.append(try await fleet.image()) }
            var listed: [ImageID] = []
            while true {
                let page = try await fleet.store.imageIDs(newestFirst: true, offset: listed.count, count: 10)
                listed += page
                if page.count < 10 { break }
            }
            #expect(Set(listed) == Set(ids))
            #expect(listed.count == 25)
            #expect(try await fleet.store.imageCount() == 25)
        }
    }
}

import ImportModel
import Testing

@testable import LeaseStore

/// What a publish writes into an image's record besides its bytes: the format that they were converted to, and the
/// properties that its request was given.
@Suite struct PublishedFieldsTests {
    private static let injected = ["os_distro": "debian, \"stable\"", "é\u{1F600}": "", "hw_disk_bus": "virtio"]

    private func queue(_ fleet: Fleet, injected: [String: String]) async throws -> NewTask {
        var task = Fleet.download(try await fleet.image())
        task.request.injected = injected
        #expect(
            try await fleet.store.createImport(task, wanted: .queued) == .created(priorStatus: .queued, stolen: nil))
        return task
    }

    private func change(
        _ fleet: Fleet, _ id: ImageID, _ apply: (inout ImageRecord) -> Void
    ) async throws -> ImageUpdateReply {
        let image = try await fleet.imageRecord(id)
        var changed = image
        apply(&changed)
        return try await fleet.store.updateImage(image, to: changed)
    }

    @Test("injected properties are set by the publish, over those of the user, and not before")
    func injection() async throws {
        try await withFleet { fleet in
            let task = try await queue(fleet, injected: Self.injected)
            let own = ["os_distro": "other", "mine": "x"]
            #expect(try await change(fleet, task.image) { $0.properties = own } == .updated(revision: 1))
            let claim = try await fleet.claim()
            #expect(claim.task.request.injected == Self.injected)
            let old = try await fleet.imageRecord(task.image)
            #expect(old.properties == own)
            for _ in 1...2 { #expect(try await fleet.publish(claim) == .published) }
            let image = try await fleet.imageRecord(task.image)
            #expect(image.properties == Self.injected.merging(["mine": "x"]) { injected, _ in injected })
            #expect(image.revision == 2)
            // Computed before the publish: computed again, not written over it.
            var changed = old
            changed.properties["os_distro"] = nil
            #expect(try await fleet.store.updateImage(old, to: changed) == .conflict)
        }
    }

    @Test("an attempt that fails, a staging and an import without them set no properties")
    func noInjection() async throws {
        try await withFleet { fleet in
            let task = try await queue(fleet, injected: Self.injected)
            let claim = try await fleet.claim()
            #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "no") == .ended)
            #expect(try await fleet.imageRecord(task.image).properties.isEmpty)
            let plain = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            let image = try await fleet.imageRecord(plain.image)
            #expect(image.properties.isEmpty && image.revision == 0)
        }
    }

    @Test("the format that the bytes were converted to becomes the record's, and users cannot change it after")
    func conversion() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let old = try await fleet.imageRecord(task.image)
            func publish() async throws -> PublishReply {
                var content = Fleet.content(claim.attempt, task.image)
                content.convertedTo = "qcow2"
                return try await fleet.store.publish(
                    claim.attempt, content, diskFormat: "raw", containerFormat: "bare", message: "done")
            }
            // It is the format that was imported that has to be the record's still.
            #expect(try await change(fleet, task.image) { $0.diskFormat = "qcow2" } == .updated(revision: 1))
            #expect(try await fleet.unchanged { try await publish() } == .changed(what: "formats"))
            #expect(try await change(fleet, task.image) { $0.diskFormat = "raw" } == .updated(revision: 2))
            #expect(try await publish() == .published)
            let image = try await fleet.imageRecord(task.image)
            #expect(image.diskFormat == "qcow2" && image.containerFormat == "bare" && image.revision == 3)
            try await fleet.changesNothing { () async throws in #expect(try await publish() == .published) }
            #expect(
                try await change(fleet, task.image) { $0.diskFormat = "vmdk" } == .wrongStatus(.active))
            var changed = old
            changed.name = "new"
            #expect(try await fleet.store.updateImage(old, to: changed) == .conflict)
        }
    }
}

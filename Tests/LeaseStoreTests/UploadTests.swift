import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct UploadTests {
    private static func upload(_ image: ImageID, force: Bool = false) -> NewTask {
        NewTask(
            id: .random(), image: image, request: ImportRequest(method: nil, stores: [Fleet.main]), owner: "tenant",
            mayForce: force)
    }

    @Test("an upload is processing from the start, and a publish makes its image active")
    func upload() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            let task = Self.upload(image)
            let attempt = AttemptID(task: task.id, nonce: .mint())
            let opened = CreateReply.created(priorStatus: .queued, stolen: nil)
            func open() async throws -> CreateReply {
                try await fleet.store.openUpload(task, kind: .upload, nonce: attempt.nonce, process: Fleet.alpha)
            }
            #expect(try await open() == opened)
            #expect(try await fleet.imageRecord(image).status == .saving)
            #expect(try await fleet.task(task.id).kind == .upload)
            try await fleet.expectInvariants()
            #expect(try await fleet.unchanged { try await open() } == opened)
            let beat = Beat(phase: .streaming, message: "", bytesDone: 10, bytesTotal: nil)
            #expect(try await fleet.store.beat(attempt, number: 2, beat) == nil)
            let content = Fleet.content(attempt, image)
            for _ in 0..<2 {
                let reply = try await fleet.store.publish(
                    attempt, content, diskFormat: "raw", containerFormat: "bare", message: "")
                #expect(reply == .published)
            }
            let record = try await fleet.imageRecord(image)
            #expect(record.status == .active)
            #expect(record.locations == content.locations)
        }
    }

    @Test("an open is refused like an import, and for a nonce or a task that was used before")
    func refusals() async throws {
        try await withFleet { fleet in
            let bare = try await fleet.image(formats: false)
            let held = try await fleet.queue()
            let claim = try await fleet.claim()
            let image = try await fleet.image()
            func open(_ task: NewTask, _ kind: TaskKind = .upload, nonce: Nonce = .mint()) async throws -> CreateReply {
                try await fleet.store.openUpload(task, kind: kind, nonce: nonce, process: Fleet.beta)
            }
            try await fleet.changesNothing { () async throws in
                #expect(try await open(Self.upload(.random())) == .noImage)
                #expect(try await open(Self.upload(bare)) == .noFormat)
                guard case .locked = try await open(Self.upload(held.image)) else {
                    Issue.record("a held lock was taken")
                    return
                }
                await #expect(throws: LeaseStoreError.self) { try await open(Self.upload(image), nonce: claim.nonce) }
            }
            let task = Self.upload(image)
            #expect(try await open(task) == .created(priorStatus: .queued, stolen: nil))
            try await fleet.changesNothing { () async throws in
                await #expect(throws: LeaseStoreError.self) { try await open(task) }
            }
            // Data can be staged before the formats are known.
            #expect(try await open(Self.upload(bare), .stage) == .created(priorStatus: .queued, stolen: nil))
        }
    }

    @Test("an upload that fails, is given back or dies ends at once, and its image is as it was")
    func ends() async throws {
        try await withFleet { fleet in
            for (kind, how) in [(TaskKind.upload, 0), (.upload, 1), (.stage, 2), (.stage, 3)] {
                let image = try await fleet.image()
                let task = Self.upload(image)
                let attempt = AttemptID(task: task.id, nonce: .mint())
                _ = try await fleet.store.openUpload(task, kind: kind, nonce: attempt.nonce, process: Fleet.alpha)
                for _ in 0..<2 where how < 3 {
                    let reply: FailReply =
                        switch how {
                        case 0: try await fleet.store.fail(attempt, .reject, reason: "too large")
                        case 1: try await fleet.store.fail(attempt, .retry(after: .zero), reason: "reset")
                        default: try await fleet.store.release(attempt)
                        }
                    #expect(reply == (how == 2 ? .requeued : .ended))
                }
                if how == 3 { #expect(try await fleet.store.recover(task.id, beatSeq: 1, dead: Fleet.alpha) == .ended) }
                let ended = try await fleet.task(task.id)
                #expect(ended.result == (how == 0 ? .rejected : .interrupted))
                let record = try await fleet.imageRecord(image)
                #expect(record.status == .queued)
                #expect(record.lockedBy == nil)
                #expect(try await fleet.garbage().contains("main \(image)/\(attempt.nonce)"))
            }
        }
    }

    @Test("staged data is adopted where it lies, or becomes garbage when it was copied")
    func adoption() async throws {
        try await withFleet { fleet in
            for adopts in [true, false] {
                let image = try await fleet.image()
                let stage = try await fleet.stage(image)
                #expect(try await fleet.imageRecord(image).status == .uploading)
                let task = NewTask(
                    id: .random(), image: image, request: ImportRequest(method: .glanceDirect, stores: [Fleet.main]),
                    owner: "tenant")
                let created = try await fleet.store.createImport(task, wanted: .uploading)
                #expect(created == .created(priorStatus: .uploading, stolen: nil))
                let claim = try await fleet.claim()
                #expect(claim.image.stage == stage)
                var content = Fleet.content(claim.attempt, image)
                if adopts { content.locations = [stage.store: stage.key] }
                let reply = try await fleet.store.publish(
                    claim.attempt, content, diskFormat: "raw", containerFormat: "bare", message: "")
                #expect(reply == .published)
                let record = try await fleet.imageRecord(image)
                #expect(record.locations == content.locations)
                #expect(record.stage == nil)
                let unused = adopts ? "\(image)/\(claim.nonce)" : stage.key
                #expect(try await fleet.garbage().last == "main \(unused)")
                #expect(try await !fleet.garbage().contains("main \(adopts ? stage.key : "\(image)/\(claim.nonce)")"))
            }
        }
    }

    @Test("staged data outlives a failed import, unless it was refused for good: then new data can be staged")
    func staged() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            let stage = try await fleet.stage(image)
            func direct() async throws -> Claim {
                let task = NewTask(
                    id: .random(), image: image, request: ImportRequest(method: .glanceDirect, stores: [Fleet.main]),
                    owner: "tenant")
                _ = try await fleet.store.createImport(task, wanted: .uploading)
                return try await fleet.claim()
            }
            let first = try await direct()
            #expect(try await fleet.store.cancel(first.task.id, message: "") == .cancelled)
            #expect(try await fleet.imageRecord(image).stage == stage)
            #expect(try await fleet.imageRecord(image).status == .uploading)
            let second = try await direct()
            #expect(try await fleet.store.fail(second.attempt, .reject, reason: "not a disk image") == .ended)
            let record = try await fleet.imageRecord(image)
            #expect(record.stage == nil)
            #expect(record.status == .queued)
            #expect(try await fleet.garbage().contains("main \(stage.key)"))
            #expect(try await fleet.stage(image) != stage)
        }
    }
}

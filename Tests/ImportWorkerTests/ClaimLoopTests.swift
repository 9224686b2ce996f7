import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct ClaimLoopTests {
    @Test func anImportBecomesActiveWithTheBytesOfItsSource() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "the bytes of an image") }
            let task = try await bench.queue(server.url())
            let ended = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            #expect(ended.state == .success)
            #expect(ended.attempt == 1)
            let image = try #require(try await bench.store.image(task.image))
            #expect(image.status == .active)
            #expect(image.sizeBytes == 21)
            #expect(image.digests?.md5 == "85ba949acb61c633b4a28a088057953e")
            #expect(image.lockedBy == nil)
            let key = try #require(image.locations[WorkBench.storeID].flatMap { ObjectKey($0) })
            var bytes: [UInt8] = []
            for try await block in try await bench.storage.read(key, range: nil) { bytes += block.readableBytesView }
            #expect(String(decoding: bytes, as: UTF8.self) == "the bytes of an image")
            try await server.stop()
        }
    }

    @Test func aTokenInTheSourcesQueryIsForgottenOnceItHasServed() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "bytes") }
            let task = try await bench.queue(server.url("/image?token=secret"))
            let ended = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            #expect(ended.request.uri == server.url("/image"))
            #expect(server.requests.map(\.target) == ["/image?token=secret"])
            try await server.stop()
        }
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\n\r\nhalf an im", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    func whatCannotBeToldFromAPartOfAnImageIsRejected(_ answer: String) async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in [.send(answer)] }
            let task = try await bench.queue(server.url())
            let ended = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            #expect(ended.result == .rejected)
            #expect(try await bench.store.image(task.image)?.status == .queued)
            try await server.stop()
        }
    }

    @Test func aWrongDigestEndsTheTaskAtOnceAndPutsTheImageBack() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "other bytes") }
            let wanted = String(repeating: "0", count: 64)
            let task = try await bench.queue(server.url(), checksum: "sha256:\(wanted)")
            let ended = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            #expect(ended.result == .rejected)
            #expect(ended.spent == 1)
            #expect(ended.message.contains(wanted))
            let image = try #require(try await bench.store.image(task.image))
            #expect(image.status == .queued)
            #expect(image.failedStores == [WorkBench.storeID])
            #expect(image.importingToStores == [])
            #expect(image.locations.isEmpty)
            try await server.stop()
        }
    }

    @Test func aMissingSourceIsPermanentAndAFailingOneIsTriedUntilTheAttemptsAreSpent() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { request in
                ScriptedHTTPServer.answer(request.target == "/missing" ? "404 Not Found" : "503 Service Unavailable")
            }
            let missing = try await bench.queue(server.url("/missing"))
            let failing = try await bench.queue(server.url("/failing"))
            let (first, second) = try await running([try bench.claimLoop()]) {
                (try await bench.end(of: missing.id), try await bench.end(of: failing.id))
            }
            #expect(first.result == .rejected)
            #expect(first.attempt == 1)
            #expect(second.result == .attemptsSpent)
            #expect(second.attempt == 3)
            #expect(try await bench.store.history(failing.id).count == 3)
            try await server.stop()
        }
    }

    @Test func aSourceThatStallsEndsTheAttempt() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), .hang]
            }
            let task = try await bench.queue(server.url())
            let ended = try await running([try bench.claimLoop(stall: .milliseconds(200))]) {
                try await bench.end(of: task.id)
            }
            #expect(ended.result == .attemptsSpent)
            #expect(ended.message.contains("nothing moved"))
            try await server.stop()
        }
    }

    @Test func aDrainedWorkerGivesItsTaskBackUnspent() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), .hang]
            }
            let task = try await bench.queue(server.url())
            try await running([try bench.claimLoop()]) {
                try await eventually { try await bench.store.task(task.id)?.state == .processing }
            }
            let released = try #require(try await bench.store.task(task.id))
            #expect(released.state == .pending)
            #expect(released.attempt == 1)
            #expect(released.spent == 0)
            #expect(try await bench.store.image(task.image)?.lockedBy == task.id)
            try await server.stop()
        }
    }

    @Test func aCancelledTaskStopsItsAttemptAndNothingIsPublished() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), .hang]
            }
            let task = try await bench.queue(server.url())
            try await running([try bench.claimLoop()]) {
                try await eventually { server.openConnections == 1 }
                #expect(try await bench.store.cancel(task.id, message: "enough") == .cancelled)
                // The worker hears of it at its next beat, and closes the connection.
                try await eventually { server.openConnections == 0 }
            }
            let image = try #require(try await bench.store.image(task.image))
            #expect(image.status == .queued)
            #expect(image.lockedBy == nil)
            try await server.stop()
        }
    }

    @Test func aTaskWhoseWakeTokenWentToAFrozenWorkerIsFoundByTheRecoverersScan() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "found") }
            // The oldest waiter gets the token, and does nothing with it.
            let frozen = Task {
                try await bench.client.sendBlocking(RedisCommand("BLPOP", "{test}:wake", "0"), timeout: .seconds(60))
            }
            try await eventually { try await blockedClients(bench) == 1 }
            let loop = try bench.claimLoop()
            let recoverer = Recoverer(
                store: bench.store, identity: bench.identity, logger: bench.logger, onWorkWaiting: loop.look)
            let ended = try await running([recoverer, loop]) {
                try await eventually { try await blockedClients(bench) == 2 }
                let task = try await bench.queue(server.url())
                _ = try await frozen.value
                return try await bench.end(of: task.id)
            }
            #expect(ended.state == .success)
            try await server.stop()
        }
    }

    private func blockedClients(_ bench: WorkBench) async throws -> Int {
        let info = try await bench.client.send("INFO", "clients").string ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("blocked_clients:") }
        return line.flatMap { Int($0.dropFirst("blocked_clients:".count)) } ?? 0
    }

    @Test func stagedDataIsAdoptedWithoutACopy() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.image()
            let upload = UploadAttempt(
                store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads,
                maxBytes: 1 << 20, logger: bench.logger)
            let staging = NewTask(
                id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
                owner: "project")
            let staged = try await upload.run(
                .stage, of: image, staging, into: bench.storage, body: Bytes("staged bytes"), expectedBytes: nil)
            guard case .published = staged else { throw InvalidValue("not staged: \(staged)") }
            let waiting = try #require(try await bench.store.image(image.id))
            #expect(waiting.status == .uploading)
            let key = try #require(waiting.stage?.key)

            let task = NewTask(
                id: .random(), image: image.id,
                request: ImportRequest(method: .glanceDirect, stores: [WorkBench.storeID]), owner: "project")
            _ = try await bench.store.createImport(task, wanted: .uploading)
            _ = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            let active = try #require(try await bench.store.image(image.id))
            #expect(active.status == .active)
            #expect(active.locations == [WorkBench.storeID: key])
            #expect(active.stage == nil)
            #expect(try await bench.storedKeys().map(\.description) == [key])
        }
    }
}

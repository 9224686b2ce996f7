import DiskImage
import Foundation
import ImportModel
import LeaseStore
import NIOCore
import TestSupport
import Testing

@testable import ImportWorker

/// No image becomes active whose bytes have not been inspected, whatever way they took.
@Suite struct InspectionTests {
    /// What `qemu-img create` makes, as bytes.
    private func qcow2(_ bench: WorkBench, _ options: [String] = []) throws -> [UInt8] {
        let path = bench.folder.appending(path: "\(UUID().uuidString).qcow2")
        try ServerProcess.run(
            "/usr/bin/env", ["qemu-img", "create", "-q", "-f", "qcow2"] + options + [path.path, "8M"],
            log: bench.folder.appending(path: "qemu-img.log"))
        return Array(try Data(contentsOf: path))
    }

    private func serve(_ bytes: [UInt8]) async throws -> ScriptedHTTPServer {
        try await ScriptedHTTPServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
        }
    }

    private func importing(
        _ bench: WorkBench, _ bytes: [UInt8], as diskFormat: String, mustMatch: Bool = true
    ) async throws -> TaskRecord {
        let server = try await serve(bytes)
        let task = try await bench.queue(server.url(), as: diskFormat)
        let ended = try await running([try bench.claimLoop(mustMatchFormat: mustMatch)]) {
            try await bench.end(of: task.id)
        }
        try await server.stop()
        return ended
    }

    @Test func theVirtualSizeOfWhatWasImportedIsRecorded() async throws {
        try await WorkBench.with { bench in
            let ended = try await importing(bench, try qcow2(bench), as: "qcow2")
            #expect(ended.state == .success)
            #expect(try await bench.store.image(ended.image)?.virtualSizeBytes == 8 << 20)
        }
    }

    @Test func whatIsWorthKnowingOfAnImageIsKeptWithIt() async throws {
        try await WorkBench.with { bench in
            // The last byte of the incompatible features: 2 is corrupt, which is for its owner to know.
            var bytes = try qcow2(bench)
            bytes[79] |= 2
            let image = try await importing(bench, bytes, as: "qcow2").image
            let verdict = try #require(try await bench.store.verdict(of: image))
            #expect(verdict.format == "qcow2" && verdict.edition == Inspection.currentEdition)
            #expect(verdict.notes == ["marked corrupt by its last writer"])
        }
    }

    @Test func anotherFormatThanTheDeclaredOneIsRejectedAtOnce() async throws {
        try await WorkBench.with { bench in
            for (bytes, declared) in [(try qcow2(bench), "raw"), (Array("plain".utf8), "qcow2")] {
                let ended = try await importing(bench, bytes, as: declared)
                #expect(ended.result == .rejected)
                #expect(ended.attempt == 1)
                #expect(ended.message.contains(declared))
                #expect(try await bench.store.image(ended.image)?.status == .queued)
            }
        }
    }

    @Test func whereNoMatchIsAskedForAnotherFormatIsImportedAndADangerousOneIsNot() async throws {
        try await WorkBench.with { bench in
            let ended = try await importing(bench, try qcow2(bench), as: "raw", mustMatch: false)
            #expect(ended.state == .success)
            let bytes = try qcow2(bench, ["-u", "-b", "/etc/passwd", "-F", "raw"])
            let refused = try await importing(bench, bytes, as: "raw", mustMatch: false)
            #expect(refused.result == .rejected)
            #expect(refused.message.contains("backing"))
        }
    }

    @Test func anImageThatWouldReadAnotherFileIsRejected() async throws {
        try await WorkBench.with { bench in
            let bytes = try qcow2(bench, ["-u", "-b", "/etc/passwd", "-F", "raw"])
            let ended = try await importing(bench, bytes, as: "qcow2")
            #expect(ended.result == .rejected)
            #expect(ended.message.contains("backing"))
        }
    }

    @Test func stagedDataIsJudgedByTheFormatsThatTheImageHasAtItsImport() async throws {
        try await WorkBench.with { bench in
            for (declared, isAccepted) in [("qcow2", true), ("raw", false)] {
                let image = try await bench.image(declared)
                let upload = UploadAttempt(
                    store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads,
                    maxBytes: 1 << 30, logger: bench.logger)
                let staging = NewTask(
                    id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
                    owner: "project")
                let bytes = try qcow2(bench)
                let staged = try await upload.run(
                    .stage, of: image, staging, into: bench.storage, body: OneBlock(bytes: bytes), expectedBytes: nil)
                guard case .published = staged else { throw InvalidValue("not staged: \(staged)") }
                let task = NewTask(
                    id: .random(), image: image.id,
                    request: ImportRequest(method: .glanceDirect, stores: [WorkBench.storeID]), owner: "project")
                _ = try await bench.store.createImport(task, wanted: .uploading)
                let ended = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
                #expect(ended.state == (isAccepted ? .success : .failure))
                let after = try #require(try await bench.store.image(image.id))
                #expect(after.virtualSizeBytes == (isAccepted ? 8 << 20 : nil))
            }
        }
    }
}

/// A body that comes at once.
struct OneBlock: AsyncSequence, Sendable {
    let bytes: [UInt8]

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: bytes) }

    struct AsyncIterator: AsyncIteratorProtocol {
        var bytes: [UInt8]?

        mutating func next() async throws -> ByteBuffer? {
            defer { bytes = nil }
            return bytes.map { ByteBuffer(bytes: $0) }
        }
    }
}

import ImageStorage
import ImportModel
import TestSupport
import Testing

@testable import S3Storage

/// Answers that come so slowly that they would hold a caller for hours, though never silent: here for 100 seconds.
@Suite(.timeLimit(.minutes(1))) struct S3DripTests {
    private static func drip(_ status: String, from start: Int = 0) -> [ScriptedHTTPServer.Step] {
        let head = [
            "HTTP/1.1 \(status)", "Content-Length: \(5000 - start)", "Content-Range: bytes \(start)-4999/5000",
        ]
        return [.send(head.joined(separator: "\r\n") + "\r\n\r\n")]
            + (start..<5000).flatMap { _ in [.pause(.milliseconds(20)), .send("x")] }
    }

    @Test(arguments: ["200 OK", "403 Forbidden"])
    func `an answer that drips is given up`(status: String) async throws {
        try await withDripping({ _ in Self.drip(status) }) { store in
            await #expect(throws: StorageError.self) { try await store.list(after: nil) }
        }
    }

    @Test func `an object that drips is read no longer than its tries last`() async throws {
        let script: ScriptedHTTPServer.Script = { request in
            if request.method == "HEAD" { return [.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")] }
            let start = request.headers["range"]?.dropFirst(6).prefix { $0.isNumber } ?? ""
            return Self.drip("206 Partial Content", from: Int(start) ?? 0)
        }
        try await withDripping(script) { store in
            let key = ObjectKey(image: .random(), nonce: .mint())
            await #expect(throws: StorageError.self) {
                for try await _ in try await store.read(key, range: nil) {}
            }
        }
    }

    private func withDripping(
        _ script: @escaping ScriptedHTTPServer.Script, _ body: (S3Storage) async throws -> Void
    ) async throws {
        let service = try await ScriptedHTTPServer(script)
        var configuration = S3Configuration(
            endpoint: "http://127.0.0.1:\(service.port)", bucket: "images",
            credentials: .fixed(S3Credentials(accessKeyID: "AKID", secretAccessKey: "hush")))
        configuration.usesPathStyle = true
        configuration.retry = RetryPolicy(base: .milliseconds(2), cap: .milliseconds(4))
        configuration.tries = 2
        configuration.answerTimeout = .seconds(1)
        let result: Result<Void, any Error>
        do { result = .success(try await withS3(configuration, body)) } catch { result = .failure(error) }
        try await service.stop()
        try result.get()
    }
}

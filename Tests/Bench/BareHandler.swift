import Foundation
import Hummingbird
import Logging
import NIOCore
import TestSupport

/// The least that a service can do with a request: this program again, as a server that answers with spaces.
enum BareHandler {
    static func start(bytes: Int, in folder: URL) async throws -> (process: ServerProcess, port: Int) {
        let port = try await Processes.freePort()
        let process = try ServerProcess(
            URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path,
            ["--bare-handler", "\(port):\(bytes)"], log: folder.appendingPathComponent("bare.log"), folder: folder)
        try await eventually(within: .seconds(10)) {
            // A refused connection only says that it is too early.
            (try? await HTTPLoad(port: port, path: "/").run(connections: 1, seconds: 0.01)) != nil
        }
        return (process, port)
    }

    /// - Parameter words: the port, a colon, and how many bytes an answer has.
    static func serve(_ words: String) async throws {
        let numbers = words.split(separator: ":").compactMap { Int($0) }
        guard numbers.count == 2 else { throw BenchError("--bare-handler takes <port>:<bytes>") }
        let body = ByteBuffer(repeating: UInt8(ascii: " "), count: numbers[1])
        let router = Router()
        router.get("**") { _, _ in
            Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
        }
        var logger = Logger(label: "bare")
        logger.logLevel = .error
        try await Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: numbers[0])), logger: logger
        ).runService()
    }
}

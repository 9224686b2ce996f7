import Foundation
import Glibc

/// The same GET again and again, on connections that are kept, each of them in a thread of its own.
struct HTTPLoad: Sendable {
    let port: Int
    let path: String

    struct Outcome: Sendable {
        var rate = 0.0
        /// Of each answer.
        var milliseconds: [Double] = []
        /// Of the body of one answer.
        var bytes = 0
    }

    func run(connections: Int, seconds: Double) async throws -> Outcome {
        let start = ContinuousClock.now
        var outcome = Outcome()
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    try await withCheckedThrowingContinuation { continuation in
                        Thread.detachNewThread {
                            continuation.resume(with: Result { try repeated(until: start + .seconds(seconds)) })
                        }
                    }
                }
            }
            for try await one in group {
                outcome.milliseconds += one.milliseconds
                outcome.bytes = one.bytes
            }
        }
        outcome.rate = Double(outcome.milliseconds.count) / (ContinuousClock.now - start).inSeconds
        return outcome
    }

    private func repeated(until end: ContinuousClock.Instant) throws -> Outcome {
        let socket = try connection()
        defer { close(socket) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        var outcome = Outcome()
        repeat {
            let start = ContinuousClock.now
            guard write(socket, request, request.count) == request.count else {
                throw BenchError("a broken connection")
            }
            outcome.bytes = try answer(on: socket)
            outcome.milliseconds.append((ContinuousClock.now - start).inMilliseconds)
        } while ContinuousClock.now < end
        return outcome
    }

    private func connection() throws -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchError("no socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard connected == 0 else {
            close(descriptor)
            throw BenchError("nobody listens on port \(port)")
        }
        return descriptor
    }

    /// Reads an answer, which must be 200 and tell its length; returns that.
    private func answer(on socket: CInt) throws -> Int {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        var end: Int?
        while end.map({ bytes.count < $0 }) ?? true {
            let count = read(socket, &block, block.count)
            guard count > 0 else { throw BenchError("a connection was closed within an answer") }
            bytes += block[0..<count]
            if end == nil { end = try Self.end(of: bytes) }
        }
        guard let end, let head = Self.head(of: bytes) else { return 0 }
        return end - head.count - 4
    }

    private static func head(of bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
        return text.range(of: "\r\n\r\n").map { String(text[..<$0.lowerBound]) }
    }

    /// How long the whole answer is; `nil` while that is not known.
    private static func end(of bytes: [UInt8]) throws -> Int? {
        guard let head = head(of: bytes) else { return nil }
        let lines = head.split(separator: "\r\n").map { $0.lowercased() }
        let length = lines.first { $0.hasPrefix("content-length:") }?.split(separator: ":").last
        guard lines.first?.hasPrefix("http/1.1 200") == true,
            let length, let count = Int(length.trimmingCharacters(in: .whitespaces))
        else { throw BenchError("an answer that was not expected: \(head)") }
        return head.utf8.count + 4 + count
    }
}

import NIOCore
import Synchronization

/// What scripts are called: learnt from their sources as they pass, by the comment `-- name` in the last line.
final class ScriptNames: Sendable {
    private let known = Mutex<[String: String]>([:])

    func name(ofDigest digest: String) -> String? { known.withLock { $0[digest] } }

    /// The server has answered the loading of a source with its digest.
    func learn(_ source: ByteBuffer, digest: String) {
        guard let name = Self.name(inSource: source) else { return }
        known.withLock { $0[digest.lowercased()] = name }
    }

    /// What a fault calls a request: a script's or a function's name, else the command.
    func label(of request: Request) -> String {
        request.digest.flatMap { name(ofDigest: $0) } ?? request.function
            ?? (request.command == "EVAL" ? request.source.flatMap { Self.name(inSource: $0) } : nil)
            ?? request.command
    }

    private static func name(inSource source: ByteBuffer) -> String? {
        let length = min(source.readableBytes, 100)
        let tail = source.getString(at: source.writerIndex - length, length: length) ?? ""
        guard let line = tail.split(separator: "\n").last, line.hasPrefix("-- ") else { return nil }
        let name = line.dropFirst(3)
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } ? String(name) : nil
    }
}

import Foundation
import TestSupport

/// One way in which a source misbehaves, and how an import from it has to end.
struct SourceTrick: Sendable {
    typealias Step = ScriptedHTTPServer.Step

    enum End: Sendable {
        /// The image is active, with these attempts spent.
        case active(attempts: Int)
        /// Failed after one attempt, with a reason that says this.
        case refused(String)
        /// Failed after as many attempts as there may be, each with a reason that says this.
        case worn(String)
    }

    /// The servers that there are.
    enum Server: CaseIterable, Sendable { case plain, secure, expired, selfSigned, foreign }

    /// One request.
    struct Visit: Sendable {
        let image: [UInt8]
        /// What the source held before it was changed: as many other bytes.
        let formerImage: [UInt8]
        /// From 1.
        let attempt: Int
        /// From 0: the redirects that were followed.
        let hop: Int
        /// Where the image is; redirects go below.
        let path: String
        /// What was asked for behind what had come; `nil`: the whole image.
        let rest: Range<Int>?
    }

    let name: String
    var end: End
    var format = "raw"
    var server = Server.plain
    /// Whether the import names the image's digest.
    var isChecked = false
    /// What each attempt asks for.
    var requestsPerAttempt = 1
    /// How often all attempts together ask for the rest of the image.
    var rests = 0
    let answer: @Sendable (Visit) -> [Step]

    init(
        _ name: String, _ end: End, format: String = "raw", on server: Server = .plain, isChecked: Bool = false,
        requestsPerAttempt: Int = 1, rests: Int = 0, answer: @escaping @Sendable (Visit) -> [Step]
    ) {
        self.name = name
        self.end = end
        self.format = format
        self.server = server
        self.isChecked = isChecked
        self.requestsPerAttempt = requestsPerAttempt
        self.rests = rests
        self.answer = answer
    }

    /// The same trick for so many attempts; then the image comes.
    func passing(after times: Int) -> SourceTrick {
        var trick = SourceTrick(
            "\(name), \(times) times", .active(attempts: times + 1), format: format, on: server, isChecked: isChecked
        ) { visit in visit.attempt > times ? Self.whole(visit.image) : answer(visit) }
        trick.requestsPerAttempt = requestsPerAttempt
        return trick
    }

    /// The head of an answer.
    static func head(_ status: String = "200 OK", _ headers: String...) -> Step {
        .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
    }

    static func head(_ status: String, _ headers: [String]) -> Step {
        .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
    }

    static func whole(_ bytes: [UInt8], _ headers: [String] = []) -> [Step] {
        [
            .send(
                (["HTTP/1.1 200 OK", "Content-Length: \(bytes.count)"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
            )
        ]
            + [.sendBytes(bytes)]
    }

    /// The image in pieces of this size, without the last one, that has none.
    static func chunks(_ bytes: [UInt8], of size: Int, extension text: String = "") -> [Step] {
        stride(from: 0, to: bytes.count, by: size).flatMap { start -> [Step] in
            let piece = bytes[start..<min(start + size, bytes.count)]
            return [
                .send(String(piece.count, radix: 16) + text + "\r\n"), .sendBytes(Array(piece)), .send("\r\n"),
            ]
        }
    }
}

import ImportModel
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// One use of a source: all that is asked of it, and the connections that are open for that.
///
/// Every request begins at the URL as it was given and passes the guard at every redirect: where a redirect led once
/// may be a signed URL that has expired by now.
final class SourceVisit: Sendable {
    private let url: String
    private let source: WebSource
    let deadline: ContinuousClock.Instant
    private let open = Mutex<[ObjectIdentifier: WebConnection]>([:])

    init(_ url: String, of source: WebSource) {
        self.url = url
        self.source = source
        deadline = .now + source.limits.total
    }

    var limits: SourceLimits { source.limits }

    /// Asks for the whole source or for the rest behind `position`.
    ///
    /// - Throws: `RangeAnswer.Mismatch` if the rest cannot be had; `SourceError`; `CancellationError`.
    func answer(from position: SourcePosition? = nil) async throws -> SourceAnswer {
        var request = SourceRequest()
        if let position {
            guard let rest = position.rest else {
                throw RangeAnswer.Mismatch(reason: "the source does not say how its bytes can be told from others")
            }
            request = SourceRequest(range: RangeAnswer(range: rest, validators: position.validators))
        }
        var target = try source.parse(url)
        var urls: [String] = []
        for _ in 0...limits.redirects {
            urls.append(target.redacted)
            let faults = SourceFaults(url: target.redacted, subject: source.subject)
            let connection = try await source.connect(target, until: deadline, faults)
            open.withLock { $0[ObjectIdentifier(connection.channel)] = connection }
            do {
                let (head, certificate) = try await request.send(to: target, by: connection, faults)
                if [301, 302, 303, 307, 308].contains(head.status.code),
                    let location = head.headers.first(name: "location")
                {
                    await close(connection)
                    target = try source.permitted { [target] () throws(InvalidValue) in try target.following(location) }
                    continue
                }
                let start = try request.judge(head, faults)
                return SourceAnswer(
                    head: head, start: start, connection: connection, faults: faults,
                    origin: try SourceOrigin(urls, connection.peer, certificate, head))
            } catch {
                await close(connection)
                throw error
            }
        }
        throw SourceFaults(url: redact(url), subject: source.subject).tooManyRedirects(limits.redirects)
    }

    func close(_ connection: WebConnection) async {
        open.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(connection.channel)) }
        await connection.close()
    }

    /// Ends every connection.
    func end() async {
        let rest = open.withLock { open in
            defer { open = [:] }
            return Array(open.values)
        }
        for connection in rest { await connection.close() }
    }
}

/// An answer whose body is still to come.
struct SourceAnswer: Sendable {
    let head: HTTPResponseHead
    let start: SourceStart
    let connection: WebConnection
    let faults: SourceFaults
    let origin: SourceOrigin

    /// Of the body, in bytes.
    var contentLength: Int64? { head.headers[canonicalForm: "content-length"].first.flatMap { Int64($0) } }
    var isChunked: Bool { head.headers[canonicalForm: "transfer-encoding"].contains { $0.lowercased() == "chunked" } }
}

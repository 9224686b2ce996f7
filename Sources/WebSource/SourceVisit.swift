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
    private let tasks = Mutex<[Task<Void, Never>]>([])
    /// Where the bytes come from, redacted: a version says nothing of what another place has under its tag or date.
    private let place = Mutex<String?>(nil)

    init(_ url: String, of source: WebSource) {
        self.url = url
        self.source = source
        deadline = .now + source.limits.total
    }

    var limits: SourceLimits { source.limits }

    /// - Throws: `RangeAnswer.Mismatch` if what was asked for cannot be had; `SourceError`; `CancellationError`.
    func answer(to request: SourceRequest) async throws -> SourceAnswer {
        var target = try source.parse(url)
        var urls: [String] = []
        for _ in 0...limits.redirects {
            urls.append(target.redacted)
            let faults = SourceFaults(url: target.redacted, subject: source.subject)
            let connection = try await source.connect(
                target, until: deadline, isKept: request.keepsConnection, faults)
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
                try stay(at: target.redacted)
                return SourceAnswer(
                    head: head, start: start, connection: connection, faults: faults, target: target,
                    origin: try SourceOrigin(urls, connection.peer, certificate, head))
            } catch {
                await close(connection)
                throw error
            }
        }
        throw SourceFaults(url: redact(url), subject: source.subject).tooManyRedirects(limits.redirects)
    }

    /// What comes is no continuation of anything.
    func begin(at url: String? = nil) { place.withLock { $0 = url } }

    private func stay(at url: String) throws(RangeAnswer.Mismatch) {
        let isSame = place.withLock { place in
            if place == nil { place = url }
            return place == url
        }
        if !isSame { throw RangeAnswer.Mismatch(reason: "the redirect leads to another place now") }
    }

    /// Asks on a connection that was kept; `nil` where that does not bring what is asked for, whatever the reason. It
    /// is closed then.
    func answer(to request: SourceRequest, on kept: SourceAnswer) async throws -> SourceAnswer? {
        do {
            let (head, _) = try await request.send(
                to: kept.target, by: kept.connection, isFurther: true, kept.faults)
            if case .offset = try request.judge(head, kept.faults) {
                return SourceAnswer(
                    head: head, start: kept.start, connection: kept.connection, faults: kept.faults,
                    target: kept.target, origin: kept.origin)
            }
        } catch is RangeAnswer.Mismatch {
        } catch is SourceError {}
        await close(kept.connection)
        return nil
    }

    func close(_ connection: WebConnection) async {
        open.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(connection.channel)) }
        await connection.close()
    }

    /// Runs `work` beside the use, until that ends.
    func run(_ work: @escaping @Sendable () async -> Void) {
        let task = Task { await work() }
        tasks.withLock { $0.append(task) }
    }

    /// Ends everything.
    func end() async {
        let running = tasks.withLock { $0 }
        for task in running { task.cancel() }
        for task in running { await task.value }
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
    /// Behind all redirects.
    let target: SourceURL
    let origin: SourceOrigin

    /// Of the body, in bytes.
    var contentLength: Int64? { head.headers[canonicalForm: "content-length"].first.flatMap { Int64($0) } }
    var isChunked: Bool { head.headers[canonicalForm: "transfer-encoding"].contains { $0.lowercased() == "chunked" } }
}

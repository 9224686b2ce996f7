import Foundation
import ImportModel
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import WebSource

/// Bodies whose connection breaks.
@Suite struct CarryOnTests {
    private let image = RangedImage(count: 5000)

    @Test(arguments: [[], [.pause(.milliseconds(50)), .reset], [.hang]] as [[ScriptedHTTPServer.Step]])
    func `a body that breaks off is carried on from there`(end: [ScriptedHTTPServer.Step]) async throws {
        try await withLocalServer({ request in
            switch image.range(request)?.lowerBound {
            case nil: image.cut(at: 2000) + end
            case 2000: image.part(2000..<5000, sending: 2000..<3500) + end
            case 3500: image.part(3500..<5000)
            default: image.answer(request)
            }
        }) { server, source in
            try await source.withSource(server.url("/?secret")) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
                #expect(opened.origin.urls == [server.url("/")])
            }
            // A reset may overtake bytes that were on their way.
            let asked = server.requests.map { $0.headers["range"] }
            if end.isEmpty { #expect(asked == [nil, "bytes=2000-", "bytes=3500-"]) }
            #expect(server.requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"v1\"" })
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test(arguments: WrongPart.all)
    func `a body is never carried on with anything but its rest`(wrong: WrongPart) async throws {
        try await withLocalServer({ request in
            image.range(request).map { wrong.answer(image, $0) } ?? image.cut(at: 2000)
        }) { server, source in
            let (got, failure) = try await read(server, source)
            #expect(got == Array(image.bytes.prefix(2000)))
            guard case .transient(let reason, _) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(reason.contains(wrong.told))
            #expect(reason.contains("after 2000 of 5000 bytes"))
            #expect(server.requests.count == 2)
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `the rest behind an offset is carried on, too`() async throws {
        try await withLocalServer({ request in
            image.range(request)?.lowerBound == 1000
                ? image.part(1000..<5000, sending: 1000..<1500) : image.answer(request)
        }) { server, source in
            let validators = SourceValidators(etag: "\"v1\"", totalBytes: 5000)
            let position = SourcePosition(offset: 1000, validators: validators)
            try await source.withSource(server.url(), from: position) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == Array(image.bytes[1000...]))
            }
            #expect(server.requests.map { $0.headers["range"] } == ["bytes=1000-", "bytes=1500-"])
        }
    }

    @Test func `more than the rest is no whole image`() async throws {
        try await withLocalServer({ request in
            image.range(request).map { image.part($0) + [.send("more")] } ?? image.cut(at: 2000)
        }) { server, source in
            let (_, failure) = try await read(server, source)
            guard case .permanent(let reason) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(reason.contains("sent more than"))
        }
    }

    @Test(arguments: [["ETag: W/\"v1\""], [], ["ETag: \"v1\"", "Accept-Ranges: none"]])
    func `where versions cannot be told apart nothing is carried on`(version: [String]) async throws {
        try await withLocalServer({ _ in image.cut(at: 2000, version) }) { server, source in
            let (_, failure) = try await read(server, source)
            #expect(failure.description.contains("broke after 2000 of 5000 bytes"))
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a server that has to be waited for is waited for, and carried on with`() async throws {
        let busy = Countdown(from: 3)
        try await withLocalServer({ request in
            guard image.range(request) != nil else { return image.cut(at: 2000) }
            return busy.hasNext
                ? ScriptedHTTPServer.answer("503 Busy", headers: ["Retry-After: 0"]) : image.answer(request)
        }) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.count == 5)
        }
    }

    @Test func `tries without progress come to an end`() async throws {
        try await withLocalServer({ request in
            let start = image.range(request)?.lowerBound ?? 0
            return start == 0 ? image.cut(at: 10) : image.part(start..<5000, sending: start..<start + 10)
        }) { server, source in
            let (got, failure) = try await read(server, source)
            #expect(got == Array(image.bytes.prefix(60)))
            guard case .transient(let reason, _) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(reason.contains("after 60 of 5000 bytes"))
            #expect(server.requests.count == 6)
        }
        try await withLocalServer({ request in
            image.range(request) == nil ? image.cut(at: 10) : ScriptedHTTPServer.answer("500 Oops")
        }) { server, source in
            let (_, failure) = try await read(server, source)
            #expect(failure.description.contains("asking for the rest failed 5 times, at last so"))
            #expect(failure.description.contains("500"))
            #expect(server.requests.count == 6)
        }
    }

    @Test(arguments: ["404 Not Found", "403 Forbidden"])
    func `what will not pass is not waited for`(status: String) async throws {
        try await withLocalServer({ request in
            image.range(request) == nil ? image.cut(at: 10) : ScriptedHTTPServer.answer(status)
        }) { server, source in
            let (_, failure) = try await read(server, source)
            guard case .permanent = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test func `each request begins at the URL that was given`() async throws {
        try await withLocalServer({ request in
            switch (request.target, image.range(request)) {
            case ("/image", let range): redirect("/signed?\(range == nil ? 1 : 2)")
            case ("/signed?1", nil): image.cut(at: 2000)
            case ("/signed?2", let range?): image.part(range)
            default: ScriptedHTTPServer.answer("403 Expired")
            }
        }) { server, source in
            try await source.withSource(server.url("/image")) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.map(\.target) == ["/image", "/signed?1", "/image", "/signed?2"])
        }
    }

    @Test func `what another place has under the same tag is not taken for the rest`() async throws {
        try await withLocalServer({ request in
            switch (request.target, image.range(request)) {
            case ("/image", let range): redirect(range == nil ? "/mirror/a?1" : "/mirror/b?2")
            case (_, nil): image.cut(at: 2000)
            case (_, let range?): image.part(range)
            }
        }) { server, source in
            let (got, failure) = try await read(server.url("/image"), source)
            #expect(got == Array(image.bytes.prefix(2000)))
            #expect(failure.description.contains("leads to another place now"), "\(failure)")
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `breaks with enough between them are not of one row`() async throws {
        var limits = SourceLimits.quick
        limits.carryOnProgress = 500
        try await withLocalServer(
            limits: limits,
            { request in
                let start = image.range(request)?.lowerBound ?? 0
                return start == 0 ? image.cut(at: 500) : image.part(start..<5000, sending: start..<start + 500)
            }
        ) { server, source in
            let bytes = try await source.withSource(server.url()) { try await $0.allBytes() }
            #expect(bytes == image.bytes)
            #expect(server.requests.count == 10)
        }
    }

    @Test func `what asks for a long wait is not waited for, and nothing is behind the deadline`() async throws {
        try await withLocalServer({ request in
            image.range(request) == nil
                ? image.cut(at: 10) : ScriptedHTTPServer.answer("503 Busy", headers: ["Retry-After: 31"])
        }) { server, source in
            let (_, failure) = try await read(server, source)
            #expect(failure.retryAfter == .seconds(31))
            #expect(server.requests.count == 2)
        }
        var limits = SourceLimits.quick
        limits.carryOnPause = .seconds(3 * 24 * 3600)
        try await withLocalServer(limits: limits, { _ in image.cut(at: 10) }) { server, source in
            let (_, failure) = try await read(server, source)
            #expect(failure.description.contains("broke after 10 of 5000 bytes"), "\(failure)")
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a redirect to what is forbidden sends no packet when a body is carried on or resumed`() async throws {
        try await withListener { listener in
            let hosts = ["[::1]", "127.0.0.2", "0.0.0.0", "localhost", "[::ffff:127.0.0.2]"]
            try await withLocalServer({ request in
                guard image.range(request) != nil else { return image.cut(at: 2000) }
                return redirect("http://\(hosts[Int(request.target.dropFirst()) ?? 0]):\(listener.port)/")
            }) { server, _ in
                let policy = SourcePolicy(allow: [try HostRule(parsing: "127.0.0.1")])
                let source = try WebSource(policy: policy, limits: .quick, resolver: ThisMachine())
                for index in hosts.indices {
                    let url = server.url("/\(index)")
                    let (_, failure) = try await read(url, source)
                    guard case .refused = failure else {
                        Issue.record("\(failure)")
                        continue
                    }
                    let position = SourcePosition(
                        offset: 9, validators: SourceValidators(etag: "\"v1\"", totalBytes: 5000))
                    await #expect {
                        try await source.withSource(url, from: position) { _ in }
                    } throws: { if case SourceError.refused = $0 { true } else { false } }
                }
                #expect(server.requests.count == 3 * hosts.count)
            }
            #expect(listener.count == 0)
        }
    }

    @Test func `waiting to carry on may be cancelled`() async throws {
        var limits = SourceLimits.quick
        limits.carryOnPause = .seconds(3600)
        try await withLocalServer(limits: limits, { _ in image.cut(at: 2000) }) { server, source in
            let (began, begin) = AsyncStream.makeStream(of: Void.self)
            let reading = Task {
                try await source.withSource(server.url()) { source in
                    for try await _ in source.body { begin.yield() }
                }
            }
            for await _ in began { break }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try await eventually { server.openConnections == 0 }
        }
    }

    private func redirect(_ location: String) -> [ScriptedHTTPServer.Step] {
        ScriptedHTTPServer.answer("302 Found", headers: ["Location: \(location)"])
    }

    private func read(_ server: ScriptedHTTPServer, _ source: WebSource) async throws -> ([UInt8], SourceError) {
        try await read(server.url(), source)
    }

    /// What comes, and how it fails.
    private func read(_ url: String, _ source: WebSource) async throws -> ([UInt8], SourceError) {
        let (got, error) = try await source.withSource(url) { opened -> ([UInt8], SourceError?) in
            var got: [UInt8] = []
            do {
                for try await piece in opened.body { got += piece.readableBytesView }
            } catch let error as SourceError {
                return (got, error)
            }
            return (got, nil)
        }
        return (got, try #require(error))
    }
}

private final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(from count: Int) { left = Mutex(count) }

    /// Until so many have been taken.
    var hasNext: Bool {
        left.withLock { left in
            left -= 1
            return left >= 0
        }
    }
}

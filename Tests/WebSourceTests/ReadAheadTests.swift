import Foundation
import ImportModel
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import WebSource

/// A source whose one connection is slow, and which has more of them.
@Suite struct ReadAheadTests {
    private static let wholeImage = RangedImage(count: 40_000)
    private let image = Self.wholeImage

    private var limits: SourceLimits {
        var limits = SourceLimits.quick
        limits.idle = .seconds(10)
        limits.readAhead = .tiny
        return limits
    }

    /// The whole, in pieces of 400 bytes with pauses: it takes 400 ms at least.
    private func slowly(_ version: [String]? = nil) -> [ScriptedHTTPServer.Step] {
        let head = image.cut(at: 0, version)[0]
        let pieces = stride(from: 0, to: image.bytes.count, by: 400).flatMap { start in
            [.sendBytes(Array(image.bytes[start..<start + 400])), .pause(.milliseconds(4))]
                as [ScriptedHTTPServer.Step]
        }
        return [head] + pieces
    }

    /// What the requests for parts asked for, in order of the offsets.
    private func ranges(_ server: ScriptedHTTPServer) -> [Range<Int>] {
        server.requests.compactMap { image.range($0) }.sorted { $0.lowerBound < $1.lowerBound }
    }

    private func isTiled(_ ranges: [Range<Int>]) -> Bool {
        guard let last = ranges.last, last.upperBound == image.bytes.count else { return false }
        return zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }
    }

    @Test(arguments: [true, false])
    func `what lies ahead is fetched beside the slow connection, each byte once`(keeps: Bool) async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                return image.part(range) + (keeps ? [.again] : [])
            }
        ) { server, source in
            try await source.withSource(server.url("/?secret")) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
                #expect(opened.origin.urls == [server.url("/")])
            }
            #expect(isTiled(ranges(server)))
            #expect(ranges(server).count > 5)
            #expect(server.requests.allSatisfy { image.range($0) == nil || $0.headers["if-range"] == "\"v1\"" })
            #expect(server.requests.count { image.range($0) == nil } == 1)
            try await eventually { server.openConnections == 0 }
        }
    }

    /// In chunks, nobody knows where it ends: the rest of one answer would be the beginning of the next.
    @Test(arguments: [-1, 0, 1])
    func `an answer that does not say how long it is, is not fetched ahead`(more: Int) async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                return image.chunked(range, sending: range.lowerBound..<range.upperBound + more) + [.again]
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(!ranges(server).isEmpty)
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test(arguments: [
        ["ETag: \"v1\""], ["ETag: \"v1\"", "Accept-Ranges: none"], ["ETag: W/\"v1\"", "Accept-Ranges: bytes"],
        ["Accept-Ranges: bytes"],
    ])
    func `one connection does where the server offers no parts of one version`(version: [String]) async throws {
        try await withLocalServer(limits: limits, { _ in slowly(version) }) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test func `one connection does where there is little to come, or no more are allowed`() async throws {
        var little = limits
        little.readAhead.leastBytes = 40_000
        var one = limits
        one.readAhead.connections = 1
        for limits in [little, one] {
            try await withLocalServer(limits: limits, { _ in slowly() }) { server, source in
                try await source.withSource(server.url()) { opened in
                    let bytes = try await opened.allBytes()
                    #expect(bytes == image.bytes)
                }
                #expect(server.requests.count == 1)
            }
        }
    }

    @Test(arguments: WrongPart.all.filter { ["the whole", "the start", "another version", "416"].contains($0.name) })
    func `where nothing of use comes ahead, the one connection goes on`(wrong: WrongPart) async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                image.range(request).map { wrong.answer(image, $0) } ?? slowly()
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            // One for each further connection, and the whole.
            #expect(server.requests.count == 4)
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `connections that never answer hold up nobody`() async throws {
        var limits = limits
        limits.headers = .seconds(3600)
        limits.readAhead.patience = .milliseconds(100)
        try await withLocalServer(limits: limits, { image.range($0) == nil ? slowly() : [.hang] }) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.count == 4)
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test(arguments: ["429 Slow down", "503 Busy", "403 Forbidden"])
    func `a server that allows one connection is left with one`(status: String) async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                image.range(request) == nil ? slowly() : ScriptedHTTPServer.answer(status, headers: ["Retry-After: 9"])
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.count == 4)
        }
    }

    @Test func `a server that begins to refuse is left with one connection, which fetches the rest`() async throws {
        let served = Mutex(0)
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                let number = served.withLock { served in
                    served += 1
                    return served
                }
                let isRest = request.headers["range"]?.hasSuffix("-") == true
                return number <= 6 || isRest
                    ? image.part(range) : ScriptedHTTPServer.answer("429 Slow down", headers: ["Retry-After: 0"])
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(server.requests.last?.headers["range"]?.hasSuffix("-") == true)
        }
    }

    @Test(arguments: [[], [.pause(.milliseconds(20)), .reset]] as [[ScriptedHTTPServer.Step]])
    func `a chunk that breaks off is fetched on from there`(end: [ScriptedHTTPServer.Step]) async throws {
        let broken = Mutex(0)
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                let breaks = broken.withLock { broken in
                    broken += 1
                    return broken % 4 == 0
                }
                guard breaks, range.count > 500 else { return image.part(range) + [.again] }
                return image.part(range, sending: range.lowerBound..<range.lowerBound + 500) + end
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            // Nothing twice, but what a reset has swallowed.
            if end.isEmpty {
                let starts = Set(ranges(server).map(\.lowerBound))
                #expect(starts.count == ranges(server).count)
            }
        }
    }

    @Test func `a version that changes half way ends the attempt, and no byte of it is taken`() async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                guard range.upperBound > 28_000 else { return image.part(range) + [.again] }
                var changed = image
                changed.bytes = changed.bytes.map { ~$0 }
                changed.version = ["ETag: \"v2\"", "Accept-Ranges: bytes"]
                return request.headers["if-range"] == "\"v2\"" ? changed.part(range) : changed.whole()
            }
        ) { server, source in
            let (got, failure) = try await source.withSource(server.url()) { opened -> ([UInt8], SourceError?) in
                var got: [UInt8] = []
                do {
                    for try await piece in opened.body { got += piece.readableBytesView }
                } catch let error as SourceError {
                    return (got, error)
                }
                return (got, nil)
            }
            #expect(got == Array(image.bytes.prefix(got.count)))
            guard case .transient(let reason, _)? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(reason.contains("the source has changed"))
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `a slow chunk is waited for, and not fetched twice`() async throws {
        let isFirst = Mutex(true)
        try await withLocalServer(
            limits: limits,
            { request in
                guard let range = image.range(request) else { return slowly() }
                let isSlow = isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst
                }
                let part = image.part(range)
                return isSlow ? [part[0], .pause(.milliseconds(700)), part[1], .again] : part + [.again]
            }
        ) { server, source in
            try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            #expect(isTiled(ranges(server)))
        }
    }

    @Test func `chunks redirected to what is forbidden send no packet`() async throws {
        try await withListener { listener in
            try await withLocalServer(
                limits: limits,
                { request in
                    guard image.range(request) != nil else { return slowly() }
                    let location = "http://127.0.0.2:\(listener.port)/"
                    return ScriptedHTTPServer.answer("302 Found", headers: ["Location: \(location)"])
                }
            ) { server, _ in
                let policy = SourcePolicy(allow: [try HostRule(parsing: "127.0.0.1")])
                let source = try WebSource(policy: policy, limits: limits, resolver: ThisMachine())
                try await source.withSource(server.url()) { opened in
                    let bytes = try await opened.allBytes()
                    #expect(bytes == image.bytes)
                }
                #expect(server.requests.count == 4)
            }
            #expect(listener.count == 0)
        }
    }

    @Test func `no more is asked for than the window holds while nothing is taken`() async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                image.range(request).map { image.part($0) + [.again] } ?? slowly()
            }
        ) { server, source in
            let window = Int(limits.readAhead.windowBytes)
            try await source.withSource(server.url()) { opened in
                var got: [UInt8] = []
                for try await piece in opened.body {
                    got += piece.readableBytesView
                    if let last = ranges(server).last, let first = ranges(server).first {
                        #expect(last.upperBound <= max(got.count, first.lowerBound) + window)
                    }
                    guard ranges(server).first?.lowerBound ?? .max < got.count else { continue }
                    // A full window: all that fits is asked for before anything more is taken.
                    let chunk = Int(limits.readAhead.chunkBytes)
                    let most = min(got.count + window, image.bytes.count)
                    try await eventually { most - (ranges(server).last?.upperBound ?? 0) < chunk }
                }
                #expect(got == image.bytes)
            }
        }
    }

    @Test func `cancelling ends every connection`() async throws {
        try await withLocalServer(
            limits: limits,
            { request in
                image.range(request) == nil ? slowly() : [.hang]
            }
        ) { server, source in
            let reading = Task {
                try await source.withSource(server.url()) { _ = try await $0.allBytes() }
            }
            try await eventually { server.requests.count >= 4 }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try await eventually { server.openConnections == 0 }
        }
    }
}

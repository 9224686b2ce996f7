import AsyncHTTPClient
@testable import ImageAPI
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

/// What holds for every request: whose pages may send it, how many there may be, what the log says of it.
@Suite(.timeLimit(.minutes(2))) struct RequestTests {
    private let origin = "https://horizon.example.org"

    @Test func `Pages of an origin that is named may use the API, and those of others not`() async throws {
        try await RunningService.run({ $0.corsOrigins = ["https://horizon.example.org"] }) { service in
            let asking = [("Origin", origin), ("Access-Control-Request-Method", "PATCH")]
            let preflight = try await service.send(.OPTIONS, "/v2/images", asking)
            #expect(preflight.status == 204)
            #expect(preflight.headers.first(name: "Access-Control-Allow-Origin") == origin)
            #expect(preflight.headers.first(name: "Access-Control-Allow-Methods")?.contains("PATCH") == true)
            #expect(preflight.headers.first(name: "Access-Control-Allow-Headers")?.contains("X-Auth-Token") == true)
            // A page must be able to read refusals, too.
            for path in ["/v2/images", "/v2/nothing"] {
                let answer = try await service.send(.GET, path, [("Origin", origin)])
                #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == origin, "\(path)")
                #expect(answer.headers.first(name: "Vary") == "Origin")
                #expect(
                    answer.headers.first(name: "Access-Control-Expose-Headers")?.contains("Location") == true)
                #expect(answer.headers.first(name: "Access-Control-Allow-Credentials") == nil)
            }
            let other = try await service.send(
                .OPTIONS, "/v2/images", [("Origin", origin + ".example"), ("Access-Control-Request-Method", "GET")])
            #expect(other.status == 405)
            #expect(other.headers.first(name: "Access-Control-Allow-Origin") == nil)
            #expect(other.headers.first(name: "Vary") == "Origin")
        }
        try await RunningService.run { service in
            let asking = [("Origin", origin), ("Access-Control-Request-Method", "GET")]
            let answer = try await service.send(.OPTIONS, "/v2/images", asking)
            #expect(answer.status == 405)
            #expect(!answer.headers.contains { $0.name.lowercased().hasPrefix("access-control-") })
        }
    }

    @Test func `A project that asks too often is put off, and the others are not`() async throws {
        try await RunningService.run({ $0.rate = (perSecond: 1, burst: 2) }) { service in
            var refused: RunningService.Answer?
            for _ in 0..<200 where refused == nil {
                let answer = try await service.send(.GET, "/v2/schemas/image", as: "busy")
                if answer.status == 429 { refused = answer } else { #expect(answer.status == 200) }
            }
            let refusal = try #require(refused)
            #expect(refusal.headers.first(name: "Retry-After") == "1")
            #expect(refusal.headers.first(name: "x-openstack-request-id") != nil)
            #expect(refusal.text.contains("try again in 1 s"))
            #expect(try await service.send(.GET, "/v2/schemas/image", as: "other").status == 200)
            for _ in 0..<10 { #expect(try await service.send(.GET, "/healthz").status == 200) }
        }
    }

    @Test func `A rate is kept in the long run, and a burst is made up for`() {
        let limiter = RateLimiter(perSecond: 10, burst: 5)
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(limiter.take("a", at: start) == nil) }
        #expect(limiter.take("a", at: start) == .milliseconds(100))
        #expect(limiter.take("b", at: start) == nil)
        #expect(limiter.take("a", at: start + .milliseconds(100)) == nil)
        #expect(limiter.take("a", at: start + .milliseconds(150)) == .milliseconds(50))
        var passed = 0
        for step in 1...1000 where limiter.take("a", at: start + .seconds(1) + .milliseconds(10 * step)) == nil {
            passed += 1
        }
        #expect((100...106).contains(passed), "\(passed)")
    }

    @Test func `However many callers there are, not all of them are remembered`() {
        let limiter = RateLimiter(perSecond: 1, burst: 2)
        let start = ContinuousClock.now
        for number in 0..<50_000 { _ = limiter.take("\(number)", at: start) }
        #expect(limiter.callers <= 10_000)
    }

    @Test func `A trace goes from the request to its line in the log and to its task`() async throws {
        let log = CapturedLog()
        let trace = "0af7651916cd43dd8448eb211c80319c"
        try await RunningService.run(log: log) { service in
            let id = try await service.newImage()
            for (value, seen) in [("00-\(trace)-b7ad6b7169203331-01", true), ("00-\(trace)-b7-01", false)] {
                let image = seen ? id : try await service.newImage()
                let answer = try await service.send(
                    .POST, "/v2/images/\(image)/import",
                    [("Content-Type", "application/json"), ("traceparent", value)],
                    body: .bytes(
                        ByteBuffer(
                            string: #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#)))
                #expect(answer.status == 202, "\(answer.text)")
                let task = try #require(answer.headers.first(name: "X-Longshore-Task"))
                let shown = try await service.send(.GET, "/longshore/v1/tasks/\(task)").object
                #expect(shown["trace_id"]?.string == (seen ? trace : nil))
                let stored = try await service.store.task(try #require(TaskID(rawValue: task)))
                let line = log.lines.last { $0.contains("POST /v2/images/\(image)/import 202") } ?? ""
                // The task's parent is the step that the request was.
                let span = stored?.request.trace?.span
                #expect(line.contains("trace=\(trace)") == seen)
                if let span { #expect(line.contains("span=\(span)") && span != "b7ad6b7169203331") }
                #expect((span != nil) == seen)
            }
        }
    }

    @Test func `The log has who asked and how much was sent, and nothing that is secret`() async throws {
        let log = CapturedLog()
        try await RunningService.run(log: log) { service in
            let id = try await service.newImage(as: "p1")
            let stored = try await service.send(
                .PUT, "/v2/images/\(id)/file?key=hush",
                [
                    ("X-Auth-Token", "p1"), ("Authorization", "Bearer hush"), ("Cookie", "hush"),
                    ("Content-Type", "application/octet-stream"),
                ],
                body: .stream(
                    AsyncStream {
                        $0.yield(ByteBuffer(string: "hush!")); $0.finish()
                    }, length: .unknown))
            #expect(stored.status == 204, "\(stored.text)")
            _ = try await service.send(.GET, "/v2/images/\(id)/file", as: "p1")
            _ = try await service.send(
                .POST, "/v2/images", as: "p1", json: #"{"name": "hush", "os_secret": "hush", "min_ram": -1}"#)
            let put = try #require(log.lines.first { $0.contains("PUT /v2/images/\(id)/file 204") })
            for field in ["peer=127.0.0.1", "project=p1", "user=p1", "received=5", "request_id=req-", "ms="] {
                #expect(put.contains(field), "\(field)")
            }
            let get = try #require(log.lines.first { $0.contains("GET /v2/images/\(id)/file 200") })
            #expect(get.contains("bytes=5"))
            #expect(!log.lines.contains { $0.contains("hush") }, "\(log.lines)")
        }
    }
}

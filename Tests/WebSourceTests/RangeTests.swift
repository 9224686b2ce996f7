import Foundation
import ImportModel
import NIOHTTP1
import TestSupport
import Testing

@testable import WebSource

/// Asking for what is behind an offset.
@Suite struct RangeTests {
    private let image = RangedImage(count: 5000)

    private func position(_ offset: Int64 = 3000, total: Int64 = 5000) -> SourcePosition {
        SourcePosition(offset: offset, validators: SourceValidators(etag: "\"v1\"", totalBytes: total))
    }

    @Test func `the rest is asked for, of the same version, and is all that comes`() async throws {
        try await withLocalServer({ image.answer($0) }) { server, source in
            let first = try await source.withSource(server.url()) { opened in
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
                #expect(opened.start == .beginning)
                return opened.validators
            }
            #expect(first == SourceValidators(etag: "\"v1\"", totalBytes: 5000, acceptsRanges: true))
            let position = SourcePosition(offset: 3000, validators: first)
            try await source.withSource(server.url(), from: position) { opened in
                #expect(opened.start == .offset(3000))
                #expect(opened.contentLength == 5000)
                #expect(opened.validators == first)
                #expect(opened.tellsItsEnd)
                let bytes = try await opened.allBytes()
                #expect(bytes == Array(image.bytes[3000...]))
            }
            #expect(server.requests.map { $0.headers["range"] } == [nil, "bytes=3000-"])
            #expect(server.requests.map { $0.headers["if-range"] } == [nil, "\"v1\""])
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test(arguments: WrongPart.all)
    func `what is not the rest is not taken for it, and the source begins anew`(wrong: WrongPart) async throws {
        try await withLocalServer({ request in
            image.range(request).map { wrong.answer(image, $0) } ?? image.whole()
        }) { server, source in
            try await source.withSource(server.url(), from: position()) { opened in
                guard case .anew(let reason) = opened.start else {
                    Issue.record("\(opened.start)")
                    return
                }
                #expect(reason.contains(wrong.told))
                #expect(opened.contentLength == 5000)
                let bytes = try await opened.allBytes()
                #expect(bytes == image.bytes)
            }
            // The whole that was sent anyway is not asked for again.
            #expect(server.requests.count == (wrong.name.hasPrefix("the whole") ? 1 : 2))
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test(arguments: [("a", "a"), ("a", "b"), ("b", "a")])
    func `the rest of one mirror's bytes is not another's, whatever their versions`(
        before: String, now: String
    ) async throws {
        try await withLocalServer({ request in
            guard request.target.hasPrefix("/disk") else { return image.answer(request) }
            // A signed URL is another one each time.
            return [.send("HTTP/1.1 302 Found\r\nLocation: /\(now)?token=2\r\nContent-Length: 0\r\n\r\n")]
        }) { server, source in
            var position = position()
            position.place = server.url("/\(before)")
            try await source.withSource(server.url("/disk"), from: position) { opened in
                let isSame = before == now
                #expect(opened.start == (isSame ? .offset(3000) : .anew("the redirect leads to another place now")))
                let bytes = try await opened.allBytes()
                #expect(bytes == (isSame ? Array(image.bytes[3000...]) : image.bytes))
            }
        }
    }

    @Test func `what has no rest is opened anew without asking for one`() async throws {
        try await withLocalServer({ image.answer($0) }) { server, source in
            let none = SourceValidators(etag: "\"v1\"", totalBytes: 5000, acceptsRanges: false)
            let positions = [
                position(5000), position(-1), SourcePosition(offset: 1, validators: none),
                SourcePosition(offset: 1, validators: SourceValidators(totalBytes: 5000)),
                SourcePosition(offset: 1, validators: SourceValidators(etag: "\"v1\"")),
            ]
            for position in positions {
                try await source.withSource(server.url(), from: position) { opened in
                    guard case .anew = opened.start else {
                        Issue.record("\(opened.start)")
                        return
                    }
                    let bytes = try await opened.allBytes()
                    #expect(bytes == image.bytes)
                }
            }
            #expect(server.requests.allSatisfy { $0.headers["range"] == nil })
        }
    }

    @Test(arguments: [
        ("206 Partial Content", "Content-Encoding: gzip", true), ("404 Not Found", "X: y", true),
        ("403 Forbidden", "X: y", true), ("503 Busy", "X: y", false),
    ])
    func `an answer that brings no image is told as ever`(status: String, header: String, stays: Bool) async throws {
        try await withLocalServer({ request in
            image.part(image.range(request) ?? 0..<1, image.version + [header], status: status)
        }) { server, source in
            await #expect {
                try await source.withSource(server.url(), from: position()) { _ in }
            } throws: { error in
                switch error {
                case SourceError.permanent: stays
                case SourceError.transient: !stays
                default: false
                }
            }
        }
    }

    @Test func `a source larger than the limit is refused by its total`() async throws {
        var limits = SourceLimits.quick
        limits.maxBytes = 4999
        try await withLocalServer(limits: limits, { image.answer($0) }) { server, source in
            await #expect {
                try await source.withSource(server.url(), from: position()) { _ in }
            } throws: { if case SourceError.permanent = $0 { true } else { false } }
        }
    }

    @Test(
        arguments: [
            (["ETag: \"a\""], "\"a\""), (["ETag: W/\"a\""], nil), (["ETag: \"\""], nil), (["ETag: a"], nil),
            (["ETag: \"a\"", "ETag: \"b\""], nil), (["ETag: \"a\"b\""], nil), (["ETag: \"a b\""], nil),
            (["ETag: \"\(String(repeating: "a", count: 255))\""], nil),
            (["Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT"], nil),
            (
                ["Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT", "Date: Wed, 21 Oct 2026 07:29:00 GMT"],
                "Wed, 21 Oct 2026 07:28:00 GMT"
            ),
            (["Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT", "Date: Wed, 21 Oct 2026 07:28:59 GMT"], nil),
            (["Last-Modified: yesterday", "Date: Wed, 21 Oct 2026 07:28:59 GMT"], nil),
            (
                [
                    "ETag: W/\"a\"", "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT",
                    "Date: Fri, 23 Oct 2026 07:29:00 GMT",
                ],
                nil
            ),
        ] as [([String], String?)])
    func `only what tells versions apart for certain is relied on`(lines: [String], condition: String?) {
        let headers = HTTPHeaders(
            lines.map { line in
                let colon = line.firstIndex(of: ":") ?? line.endIndex
                return (String(line[..<colon]), String(line[colon...].dropFirst(2)))
            })
        let validators = SourceValidators(headers, totalBytes: 1)
        #expect(validators.condition == condition)
        #expect(validators.allowResuming == (condition != nil))
    }

    @Test func `a date of last modification does where there is no tag`() async throws {
        var image = image
        let dates = ["Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT", "Date: Fri, 23 Oct 2026 07:28:00 GMT"]
        image.version = dates
        try await withLocalServer({ [image] in image.answer($0) }) { server, source in
            let validators = try await source.withSource(server.url()) { $0.validators }
            #expect(validators.acceptsRanges == nil)
            let position = SourcePosition(offset: 10, validators: validators)
            try await source.withSource(server.url(), from: position) { opened in
                #expect(opened.start == .offset(10))
                let bytes = try await opened.allBytes()
                #expect(bytes == Array(image.bytes[10...]))
            }
            #expect(server.requests.last?.headers["if-range"] == "Wed, 21 Oct 2026 07:28:00 GMT")
        }
    }
}

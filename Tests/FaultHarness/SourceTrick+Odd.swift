import TestSupport

extension SourceTrick {
    /// Answers that are unusual and bring the image all the same.
    static func odd(using random: inout SeededRandom) -> [SourceTrick] {
        let size = Int.random(in: 1000...60_000, using: &random)
        let chunked = head("200 OK", "Transfer-Encoding: chunked")
        let last = Step.send("0\r\n\r\n")
        return rests(using: &random) + [
            .init("as it should be", .active(attempts: 1)) { whole($0.image) },
            .init("as it should be, with its digest", .active(attempts: 1), isChecked: true) { whole($0.image) },
            .init("in chunks", .active(attempts: 1)) { [chunked] + chunks($0.image, of: size) + [last] },
            .init("in chunks with extensions and a trailer", .active(attempts: 1)) { visit in
                [chunked] + chunks(visit.image, of: size, extension: ";a=b;c=\"d e\"")
                    + [.send("0\r\nX-Checksum: none\r\n\r\n")]
            },
            .init("with strange spelling", .active(attempts: 1)) { visit in
                [head("200", "cOnTeNt-LeNgTh:    \(visit.image.count)  ", "content-encoding: IDENTITY")]
                    + [.sendBytes(visit.image)]
            },
            .init("after other answers", .active(attempts: 1)) { visit in
                [head("100 Continue"), head("100 Continue"), head("103 Early Hints", "Link: </x>; rel=preload")]
                    + whole(visit.image)
            },
            .init("after five redirects", .active(attempts: 1), requestsPerAttempt: 6) { visit in
                visit.hop == 5
                    ? whole(visit.image)
                    : [head("302 Found", "Location: \(visit.path)/\(visit.hop + 1)?token=hush", "Content-Length: 0")]
            },
            .init("slowly", .active(attempts: 1)) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count)")]
                    + stride(from: 0, to: visit.image.count, by: visit.image.count / 12 + 1).flatMap {
                        [
                            .sendBytes(Array(visit.image[$0...].prefix(visit.image.count / 12 + 1))),
                            .pause(.milliseconds(150)),
                        ]
                    }
            },
            .init("without a length, with its digest", .active(attempts: 1), isChecked: true) { visit in
                [head(), .sendBytes(visit.image)]
            },
            .init("over TLS", .active(attempts: 1), on: .secure) { whole($0.image) },
            .init("over TLS that just ends after the image", .active(attempts: 1), on: .secure) {
                whole($0.image) + [.cut]
            },
            .init("over TLS that just ends after the last chunk", .active(attempts: 1), on: .secure) {
                [chunked] + chunks($0.image, of: size) + [last, .cut]
            },
            .init("on a connection that stays open", .active(attempts: 1)) { whole($0.image) + [.hang] },
            .init("on a connection that is reset later", .active(attempts: 1)) {
                whole($0.image) + [.pause(.milliseconds(400)), .reset]
            },
        ]
    }
}

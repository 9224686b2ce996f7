import TestSupport

extension SourceTrick {
    /// What may pass by itself: for ever it wears out the attempts, three times it costs three.
    static func passing(using random: inout SeededRandom, bytes: Int) -> [SourceTrick] {
        let failures = broken(at: .random(in: 1..<bytes, using: &random)) + statuses(using: &random)
        let thrice = failures.map { $0.passing(after: 3) }
        let mixed = (0..<6).map { _ in mix(failures.filter { $0.server == .plain }, using: &random) }
        return failures + thrice + mixed
    }

    /// Connections that end, or stand still, before the image is whole.
    private static func broken(at place: Int) -> [SourceTrick] {
        let (early, within) = ("ended before an answer", "connection broke after ")
        let chunked = head("200 OK", "Transfer-Encoding: chunked")
        @Sendable func announced(_ visit: Visit) -> [Step] {
            [head("200 OK", "Content-Length: \(visit.image.count)"), .sendBytes(Array(visit.image.prefix(place)))]
        }
        var tricks: [SourceTrick] = [
            .init("reset before the answer", .worn(early)) { _ in [.reset] },
            .init("closed before the answer", .worn(early)) { _ in [] },
            .init("closed within the headers", .worn(early)) { _ in [.send("HTTP/1.1 200 OK\r\nContent-Le")] },
            .init("reset within the image", .worn(within)) { announced($0) + [.reset] },
            .init("a short image with the right length", .worn("after \(place) of ")) { announced($0) },
            .init("a length that is too long", .worn(within)) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count + place)"), .sendBytes(visit.image)]
            },
            .init("chunks that never end", .worn(within)) { [chunked] + chunks($0.image, of: 5000) },
            .init("a chunk that is cut short", .worn(within)) { visit in
                [chunked, .send("fffff\r\n"), .sendBytes(visit.image)]
            },
            .init("a chunk without a size", .worn(within)) { visit in
                [chunked] + chunks(visit.image, of: visit.image.count) + [.send("many\r\n")]
            },
            .init("a chunk with more bytes than its size", .worn(within)) { visit in
                [chunked, .send("400\r\n"), .sendBytes(visit.image), .send("\r\n0\r\n\r\n")]
            },
            .init("stands still within the image", .worn("stopped sending after \(place) of ")) {
                announced($0) + [.hang]
            },
            .init("stands still before the image", .worn("stopped sending after 0 of ")) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count)"), .hang]
            },
        ]
        tricks += [
            .init("a length, and TLS that just ends", .worn(within), on: .secure) { announced($0) + [.cut] },
            .init("chunks, and TLS that just ends", .worn(within), on: .secure) {
                [chunked] + chunks($0.image, of: 5000) + [.cut]
            },
            .init("TLS that ends in order within the image", .worn(within), on: .secure) { announced($0) },
        ]
        return tricks
    }

    /// Statuses of servers that are busy or broken, with all that they say about when to come back.
    private static func statuses(using random: inout SeededRandom) -> [SourceTrick] {
        let waits = [
            "Retry-After: 0", "Retry-After: 1", "Retry-After: 999999999999", "Retry-After: -5", "Retry-After: soon",
            "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: Fri, 31 Dec 2999 23:59:59 GMT",
        ].shuffled(using: &random)
        return [500, 502, 503, 504, 429, 408, 425, 599].enumerated().map { index, status in
            // The first goes without.
            let wait = index == 0 ? "Server: busy" : waits[index - 1]
            return .init("\(status) with \(wait)", .worn("the server answered \(status)")) { _ in
                [head("\(status) Later", "Content-Length: 4", wait), .send("busy")]
            }
        }
    }

    /// A different failure each time, and then the image.
    private static func mix(_ failures: [SourceTrick], using random: inout SeededRandom) -> SourceTrick {
        let chosen = (0..<Int.random(in: 1...4, using: &random)).map { _ in random.pick(failures) }
        let names = chosen.map(\.name).joined(separator: ", then ")
        return .init(names, .active(attempts: chosen.count + 1)) { visit in
            visit.attempt > chosen.count ? whole(visit.image) : chosen[visit.attempt - 1].answer(visit)
        }
    }
}

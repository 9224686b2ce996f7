import TestSupport

extension SourceTrick {
    /// Images that break off on servers that tell their version, and what comes when the rest is asked for.
    static func rests(using random: inout SeededRandom) -> [SourceTrick] {
        let place = Int.random(in: 1000...60_000, using: &random)
        let version = ["ETag: \"v1\"", "Accept-Ranges: bytes"]
        @Sendable func brokenOff(_ image: [UInt8], _ headers: [String]) -> [Step] {
            [head("200 OK", ["Content-Length: \(image.count)"] + headers), .sendBytes(Array(image.prefix(place)))]
        }
        @Sendable func rest(_ image: [UInt8], _ range: Range<Int>, _ headers: [String]) -> [Step] {
            let stated = "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(image.count)"
            return [
                head("206 Partial Content", ["Content-Length: \(range.count)", stated] + headers),
                .sendBytes(Array(image[range])),
            ]
        }
        return [
            .init("broken off, with the rest", .active(attempts: 1), isChecked: true, rests: 1) { visit in
                visit.rest.map { rest(visit.image, $0, version) } ?? brokenOff(visit.image, version)
            },
            .init("broken off by a reset, with the rest", .active(attempts: 1), rests: 1) { visit in
                visit.rest.map { rest(visit.image, $0, version) } ?? brokenOff(visit.image, version) + [
                    .pause(.milliseconds(200)), .reset,
                ]
            },
            .init("broken off twice, with the rest", .active(attempts: 1), rests: 2) { visit in
                guard let range = visit.rest else { return brokenOff(visit.image, version) }
                let answer = rest(visit.image, range, version)
                return range.lowerBound > place
                    ? answer : [answer[0], .sendBytes(Array(visit.image[range].prefix(range.count / 2)))]
            },
            .init("changed half way", .active(attempts: 2), rests: 1) { visit in
                let changed = ["ETag: \"v2\"", "Accept-Ranges: bytes"]
                if visit.attempt > 1 || visit.rest != nil { return whole(visit.image, changed) }
                return brokenOff(visit.formerImage, version)
            },
            .init("changed half way, and a part of the new one", .active(attempts: 2), rests: 1) { visit in
                let changed = ["ETag: \"v2\"", "Accept-Ranges: bytes"]
                if let range = visit.rest { return rest(visit.image, range, changed) }
                return visit.attempt > 1 ? whole(visit.image, changed) : brokenOff(visit.formerImage, version)
            },
            .init("the whole for the rest", .worn("sent the whole"), rests: 5) { visit in
                visit.rest == nil ? brokenOff(visit.image, version) : whole(visit.image, version)
            },
            .init("other bytes for the rest", .worn("other bytes than were asked for"), rests: 5) { visit in
                guard let range = visit.rest else { return brokenOff(visit.image, version) }
                return rest(visit.image, range.lowerBound - 1..<range.upperBound, version)
            },
            .init("the rest of a weak version", .worn("connection broke after ")) { visit in
                brokenOff(visit.image, ["ETag: W/\"v1\"", "Accept-Ranges: bytes"])
            },
        ]
    }
}

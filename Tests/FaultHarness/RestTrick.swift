import TestSupport

/// One way in which a source behaves when an import from it is interrupted and continued.
///
/// The interruption is its own: it sends so slowly, behind what it has sent, that the attempt is given up.
struct RestTrick: Sendable {
    typealias Step = ScriptedHTTPServer.Step

    /// One request.
    struct Visit: Sendable {
        let image: [UInt8]
        /// What the source held before it was changed: as many other bytes.
        let formerImage: [UInt8]
        /// How many requests there were before it, and how many of them for a range with an end: by further connections.
        let earlier: Int
        let earlierAhead: Int
        /// `nil`: the whole image.
        let range: Range<Int>?
        /// Whether only a part of the rest was asked for.
        let isAhead: Bool
    }

    let name: String
    var mib = 8
    /// The attempts that are spent; `nil`: all that there may be, and the image is not had.
    var spent: Int?
    /// How often attempts go on where another was.
    var continued = 0
    /// Why it is begun anew; `nil`: it is not.
    var anew: String?
    /// Whether the import names the image's digest.
    var isChecked = false
    /// How many requests of further connections there have to be at least.
    var ahead = 0
    let answer: @Sendable (Visit) -> [Step]

    static let all: [RestTrick] = interrupted + severalConnections

    private static let interrupted: [RestTrick] = [
        .init(name: "drips, and has the rest", spent: 2, continued: 1) { visit in
            visit.earlier == 0 ? dripping(visit.image, nil) : part(visit.image, visit.range)
        },
        .init(name: "drips again and again, and has the rest each time", mib: 12, spent: 4, continued: 3) { visit in
            visit.earlier < 3 ? dripping(visit.image, visit.range) : part(visit.image, visit.range)
        },
        .init(name: "drips whenever it is asked, from the first byte on") { visit in
            dripping(visit.image, visit.range, behind: 0)
        },
        .init(name: "drips, and is another then", spent: 2, anew: "has changed") { visit in
            visit.earlier == 0 ? dripping(visit.formerImage, nil) : part(visit.image, nil, tag: "v2")
        },
        .init(name: "drips, and sends a part of another then", spent: 2, anew: "has changed") { visit in
            visit.earlier == 0 ? dripping(visit.formerImage, nil) : part(visit.image, visit.range, tag: "v2")
        },
        .init(name: "drips, and has no ranges then", spent: 2, anew: "sent the whole") { visit in
            visit.earlier == 0 ? dripping(visit.image, nil) : part(visit.image, nil)
        },
        .init(name: "drips, and refuses ranges then", spent: 2, anew: "the rest is refused") { visit in
            if visit.earlier == 0 { return dripping(visit.image, nil) }
            return visit.range == nil ? part(visit.image, nil) : ScriptedHTTPServer.answer("403 Forbidden")
        },
        .init(name: "drips, and has no such range then", spent: 2, anew: "no such bytes") { visit in
            if visit.earlier == 0 { return dripping(visit.image, nil) }
            return visit.range == nil
                ? part(visit.image, nil) : ScriptedHTTPServer.answer("416 Range Not Satisfiable")
        },
        .init(
            name: "drips, and lies about being the same then", spent: 2, continued: 1,
            anew: "after a continuation, which is no verdict", isChecked: true
        ) { visit in
            visit.earlier == 0 ? dripping(visit.formerImage, nil) : part(visit.image, visit.range)
        },
    ]

    /// Images that are large enough for further connections, from sources that are slow on one of them.
    private static let severalConnections: [RestTrick] = [
        .init(name: "slow on one connection", mib: 32, spent: 1, ahead: 8) { visit in
            visit.isAhead ? part(visit.image, visit.range) : slow(visit.image, visit.range)
        },
        .init(name: "slow on one connection, and breaks the others off", mib: 32, spent: 1, ahead: 8) { visit in
            guard visit.isAhead, let range = visit.range else { return slow(visit.image, visit.range) }
            let answer = part(visit.image, range)
            return visit.earlierAhead % 4 == 2
                ? [answer[0], .sendBytes(Array(visit.image[range].prefix(70_000)))] : answer
        },
        .init(name: "slow on one connection, and refuses others half way", mib: 32, spent: 1, ahead: 5) { visit in
            guard visit.isAhead else { return slow(visit.image, visit.range) }
            return visit.earlierAhead < 4
                ? part(visit.image, visit.range) : ScriptedHTTPServer.answer("429 Too Many Requests")
        },
        .init(
            name: "slow on one connection, and changes half way", mib: 32, spent: 2, anew: "has changed", ahead: 5
        ) { visit in
            if visit.earlierAhead >= 4 { return part(visit.image, nil, tag: "v2") }
            return visit.isAhead ? part(visit.formerImage, visit.range) : slow(visit.formerImage, visit.range)
        },
    ]

    // MARK: Answers

    private static func head(_ image: [UInt8], _ range: Range<Int>?, tag: String) -> Step {
        let stated = range.map { ["Content-Range: bytes \($0.lowerBound)-\($0.upperBound - 1)/\(image.count)"] } ?? []
        return SourceTrick.head(
            range == nil ? "200 OK" : "206 Partial Content",
            ["Content-Length: \(range?.count ?? image.count)", "ETag: \"\(tag)\"", "Accept-Ranges: bytes"] + stated)
    }

    /// All that is asked for.
    private static func part(_ image: [UInt8], _ range: Range<Int>?, tag: String = "v1") -> [Step] {
        [head(image, range, tag: tag), .sendBytes(range.map { Array(image[$0]) } ?? image)]
    }

    /// Some of what is asked for, and then a little, and a little more.
    private static func dripping(_ image: [UInt8], _ range: Range<Int>?, behind bytes: Int = 3 << 20) -> [Step] {
        let rest = image[range ?? 0..<image.count]
        let drops = (0..<600).flatMap { number -> [Step] in
            [.pause(.milliseconds(100)), .sendBytes(Array(rest.dropFirst(bytes + number * 1000).prefix(1000)))]
        }
        return [head(image, range, tag: "v1"), .sendBytes(Array(rest.prefix(bytes)))] + drops
    }

    /// As a network does that has other things to do.
    private static func slow(_ image: [UInt8], _ range: Range<Int>?) -> [Step] {
        let rest = image[range ?? 0..<image.count]
        let pieces = stride(from: rest.startIndex, to: rest.endIndex, by: 1 << 18).flatMap { start -> [Step] in
            [.sendBytes(Array(rest[start..<min(start + 1 << 18, rest.endIndex)])), .pause(.milliseconds(60))]
        }
        return [head(image, range, tag: "v1")] + pieces
    }
}

import Foundation
import ImportModel
@testable import WebSource

/// Sources that API clients name, and redirects that servers answer with: the first line is a URL, the second a
/// `Location`. What is judged is what is dialled and sent, and nothing else.
enum URLTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(decoding: lines.first ?? [], as: UTF8.self)
        guard let url = try? SourceURL(parsing: text) else { return }
        try parsed(url, from: text)
        guard lines.count == 2,
            let next = try? url.following(String(decoding: lines[1], as: UTF8.self))
        else { return }
        try wire(next)
        try Referees.judge(next)
        try require(
            next.userinfo == nil || (next.userinfo == url.userinfo && next.origin == url.origin),
            "credentials went to another origin")
    }

    private static func parsed(_ url: SourceURL, from text: String) throws(Violation) {
        try wire(url)
        try Referees.judge(url)
        try Referees.compare(url, with: text)
        let userinfo = url.userinfo.map { $0 + "@" } ?? ""
        let written = "\(url.scheme)://\(userinfo)\(url.hostText):\(url.port)\(url.target)"
        let again = try expect("'\(written)' cannot be read again") { try SourceURL(parsing: written) }
        try require(again == url, "'\(written)' is read as another URL")
        let secret = "\(url.scheme)://u:S3CR3T@\(url.hostHeader)/?S3CR3T#S3CR3T"
        try require(!redact(secret).contains("S3CR3T"), "a secret is shown: \(redact(secret))")
        try require(!url.redacted.contains("?"), "a query is shown: \(url.redacted)")
    }

    /// Nothing in the request can end it early, or begin another.
    private static func wire(_ url: SourceURL) throws(Violation) {
        for part in [url.hostHeader, url.target, url.authorization ?? ""] {
            let isPlain = part.utf8.allSatisfy { (0x20...0x7e).contains($0) }
            try require(isPlain, "'\(part)' cannot stand in a request")
        }
        let isTarget = url.target.hasPrefix("/") && !url.target.contains(" ") && !url.target.contains("#")
        try require(isTarget, "'\(url.target)' is no target")
        try require((1...65535).contains(url.port), "port \(url.port)")
    }
}

import Foundation
import RedisClient
import Testing

@testable import LeaseStore

/// A script's header is its contract. These tests read it and compare it with what the script does.
@Suite struct ScriptHeaderTests {
    private static let prelude = String(decoding: PackageResources.prelude_lua, as: UTF8.self)

    /// The scripts that add work or data: refused when memory is full.
    private static let adding: Set = [
        "import-create", "upload-open", "import-checkpoint", "image-create", "image-update", "member-add",
    ]
    private static let reading: Set = ["garbage-check", "lease-scan", "queue-stats"]

    private struct Script {
        let name: String
        let firstLine: Substring
        let header: [Substring]
        let body: String

        init(name: String, source: String) {
            self.name = name
            let own = source.replacing(ScriptHeaderTests.prelude, with: "")
            let lines = own.split(separator: "\n", omittingEmptySubsequences: true)
            firstLine = lines[0]
            header = Array(lines.dropFirst().prefix { $0.hasPrefix("-- ") })
            body = lines.dropFirst(1 + header.count).joined(separator: "\n")
        }

        /// What the header's lines that begin with `word` say.
        func lines(_ word: String) -> [Substring] {
            header.filter { $0.hasPrefix("-- \(word) ") }.map { $0.dropFirst(4 + word.count) }
        }
    }

    private static let scripts = Scripts.all.map { Script(name: $0.name, source: $0.source) }

    @Test("the first line has the flags of what the script is for")
    func flags() {
        for script in Self.scripts {
            let expected =
                Self.adding.contains(script.name)
                ? "#!lua" : "#!lua flags=\(Self.reading.contains(script.name) ? "no-writes" : "allow-oom")"
            #expect(script.firstLine == expected, "\(script.name)")
        }
    }

    @Test("every script says what it is for and takes the anchor as its one key")
    func keys() throws {
        for script in Self.scripts {
            #expect(try #require(script.header.first).count > 20, "\(script.name)")
            #expect(script.lines("KEYS") == [" 1 anchor"], "\(script.name)")
            #expect(!script.body.contains("KEYS["), "\(script.name) derives its keys in the prelude only")
        }
    }

    @Test("the header names the arguments that the script reads, and no others")
    func arguments() {
        for script in Self.scripts {
            var named: Set<Int> = []
            var rest: Int?
            for line in script.lines("ARGV") {
                for match in line.matches(of: /(?:^\s*|\s\s)(\d+)(…)?\s/) {
                    guard let number = Int(match.1) else { continue }
                    if match.2 != nil { rest = number } else { named.insert(number) }
                }
            }
            var read = Set(script.body.matches(of: /ARGV\[(\d+)\]/).compactMap { Int($0.1) })
            let loops = script.body.matches(of: /(?:unpack\(ARGV, |for i = )(\d+)(?=[^\n]*(?:ARGV|\)))/)
            let first = loops.compactMap { Int($0.1) }.filter { $0 == rest }.first
            if let rest {
                #expect(first == rest, "\(script.name): the rest of the arguments begins at \(rest)")
                read = read.filter { $0 < rest }
            }
            #expect(read == named, "\(script.name)")
            let last = (rest.map { $0 - 1 }) ?? named.count
            #expect(named == Set(1..<(last + 1)), "\(script.name): a number is missing")
        }
    }

    @Test("the header names the words that the script answers with, and no others")
    func replies() {
        func words(_ text: some StringProtocol) -> Set<String> {
            Set(String(text).matches(of: /(?:return|answer =) \{\s*'([a-z-]+)'/).map { String($0.1) })
        }
        func part(of function: String) -> Substring {
            guard let start = Self.prelude.range(of: "local function \(function)(") else { return "" }
            let rest = Self.prelude[start.lowerBound...]
            return rest[..<(rest.range(of: "\nend\n")?.lowerBound ?? rest.endIndex)]
        }
        for script in Self.scripts {
            let documented = Set(
                script.lines("REPLY").flatMap { $0.split(separator: "|") }
                    .compactMap { $0.split(separator: " ").first.map(String.init) })
            var answered = words(script.body)
            // Words that come out of the prelude.
            if script.body.contains("examine_lock(") { answered.formUnion(words(part(of: "examine_lock"))) }
            if script.body.contains("held(") { answered.insert("lost") }
            if script.body.contains("retry(") {
                answered.formUnion(part(of: "retry").matches(of: /return '([a-z-]+)'/).map { String($0.1) })
            }
            answered.formUnion(script.body.matches(of: /settled = '([a-z-]+)'/).map { String($0.1) })
            #expect(answered == documented, "\(script.name)")
        }
    }

    @Test("what only reads has no command that writes")
    func reads() {
        let writes = /'(HSET|HDEL|HINCRBY|SET|DEL|ZADD|ZREM\w*|SADD|SREM|[LR]PUSH|LTRIM|XADD|P?EXPIRE)'/
        for script in Self.scripts where Self.reading.contains(script.name) {
            #expect(script.body.firstMatch(of: writes) == nil, "\(script.name)")
            for name in ["count(", "tell(", "enqueue(", "finish(", "refuse(", "name_garbage(", "wake("] {
                #expect(!script.body.contains(name), "\(script.name) calls \(name)…)")
            }
        }
    }

    @Test("no key of another slot can be named: every key begins with the tag")
    func slots() {
        let command = /redis\.p?call\('[A-Z]+', ([^,)]+)/
        let known: Set = [
            "CONTROL", "RING", "DELAYED", "LEASES", "LIVE", "DONE", "GARBAGE", "WAKE", "EVENTS", "STATS",
        ]
        let locals: Set = ["key", "all", "host", "index"]
        for text in [Self.prelude] + Self.scripts.map(\.body) {
            for match in text.matches(of: command) {
                let key = String(match.1)
                let isDerived = key.hasPrefix("TAG .. ") || key.firstMatch(of: /^[a-z_]+_key\(/) != nil
                let isFixed = known.contains(key) || locals.contains(key) || key == "..." || key == "'server'"
                #expect(isDerived || isFixed, "\(match.0)")
            }
        }
    }
}

import NIOCore
import Testing

@testable import FaultProxy

@Suite struct FrameReaderTests {
    private static let messages = [
        "+OK\r\n", "-ERR no\r\n", ":12\r\n", "$5\r\na\r\nbc\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n",
        "*2\r\n$1\r\na\r\n*2\r\n:1\r\n+b\r\n", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", "~1\r\n#t\r\n", "_\r\n",
        ",1.5\r\n", "=5\r\ntxt:a\r\n", "!3\r\nERR\r\n", "|1\r\n+k\r\n+v\r\n*1\r\n:7\r\n",
        ">2\r\n+message\r\n$1\r\nx\r\n", "PING now\r\n",
    ]

    @Test("messages are cut apart wherever the bytes were", arguments: [1, 2, 3, 7, 1000])
    func cutting(helping: Int) throws {
        var bytes = ByteBuffer(string: Self.messages.joined())
        var reader = FrameReader()
        var found: [String] = []
        while let part = bytes.readSlice(length: min(helping, bytes.readableBytes)), part.readableBytes > 0 {
            reader.feed(part)
            while let frame = try reader.next() { found.append(String(buffer: frame)) }
        }
        #expect(found == Self.messages)
        #expect(reader.takeRest().readableBytes == 0)
    }

    @Test("what is not the protocol is refused", arguments: ["$x\r\n", "*99999999999\r\n", "*\r\n"])
    func refusal(text: String) {
        var reader = FrameReader()
        reader.feed(ByteBuffer(string: text))
        #expect(throws: FrameError.self) { try reader.next() }
    }

    @Test("a request is known by its words, also an inline one")
    func words() {
        let call = Request(bytes: ByteBuffer(string: "*4\r\n$7\r\nevalsha\r\n$2\r\nAB\r\n$1\r\n0\r\n$1\r\nx\r\n"))
        #expect(call.command == "EVALSHA")
        #expect(call.digest == "ab")
        #expect(Request(bytes: ByteBuffer(string: "ping now\r\n")).command == "PING")
        let load = Request(bytes: ByteBuffer(string: "*3\r\n$6\r\nSCRIPT\r\n$4\r\nload\r\n$5\r\nreturn\r\n"))
        #expect(load.source == ByteBuffer(string: "retur"))
    }

    @Test("another edition of a script is a line longer, and what stands around it is the same")
    func edition() {
        func other(_ text: String) -> String {
            String(buffer: Request(bytes: ByteBuffer(string: text)).inOtherEdition().bytes)
        }
        #expect(
            other("*3\r\n$6\r\nSCRIPT\r\n$4\r\nload\r\n$8\r\nreturn 1\r\n")
                == "*3\r\n$6\r\nSCRIPT\r\n$4\r\nload\r\n$9\r\nreturn 1\n\r\n")
        #expect(
            other("*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$0\r\n\r\n")
                == "*5\r\n$4\r\nEVAL\r\n$9\r\nreturn 1\n\r\n$1\r\n1\r\n$1\r\nk\r\n$0\r\n\r\n")
        let call = "*3\r\n$7\r\nEVALSHA\r\n$2\r\nab\r\n$1\r\n0\r\n"
        #expect(other(call) == call)
    }

    @Test("a seed makes the same choices again, and a rule strikes at most as often as it may")
    func plan() {
        func choices(_ seed: UInt64) -> [WireFault?] {
            var plan = FaultPlan(seed: seed)
            plan.use([
                FaultRule(.cutInReply, of: ["a"], share: 0.5, limit: 20),
                FaultRule(.delayReply(upTo: .seconds(1)), of: ["a"], share: 0.5),
            ])
            return (0..<100).map { plan.fault(for: $0.isMultiple(of: 10) ? "b" : "a", command: "GET") }
        }
        #expect(choices(1) == choices(1))
        #expect(choices(1) != choices(2))
        #expect(choices(1).count { $0 == .cutInReply } == 20)
        #expect(stride(from: 0, to: 100, by: 10).allSatisfy { choices(1)[$0] == nil })
    }
}

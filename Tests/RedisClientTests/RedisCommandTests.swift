import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisCommandTests {
    @Test("words of every type go out as strings with their lengths")
    func words() {
        let command = RedisCommand("SET", "ключ", 12, Int64(-3), [0, 13, 10, 255], ByteBuffer(string: "x"), "")
        var expected = Array("*7\r\n$3\r\nSET\r\n$8\r\nключ\r\n$2\r\n12\r\n$2\r\n-3\r\n$4\r\n".utf8)
        expected += [0, 13, 10, 255]
        expected += Array("\r\n$1\r\nx\r\n$0\r\n\r\n".utf8)
        #expect(Array(command.wire.readableBytesView) == expected)
    }

    @Test("a command with neither name nor arguments is still a command")
    func empty() {
        #expect(String(buffer: RedisCommand("").wire) == "*1\r\n$0\r\n\r\n")
    }
}

@Suite struct RedisValueTests {
    @Test("a flat array is read as a hash; anything else is not")
    func hash() {
        let flat: [RedisValue] = [.string(Array("a".utf8)), .string(Array("1".utf8))]
        #expect(RedisValue.array(flat).hash() == ["a": "1"])
        #expect(RedisValue.array([]).hash() == [:])
        #expect(RedisValue.array(flat + [.null]).hash() == nil)
        #expect(RedisValue.array([.null, .null]).hash() == nil)
        #expect(RedisValue.null.hash() == nil)
    }

    @Test("accessors answer nil for what a value is not")
    func accessors() {
        #expect(RedisValue.string([0xff]).string == nil)
        #expect(RedisValue.string(Array("17".utf8)).int == 17)
        #expect(RedisValue.simple("OK").string == "OK")
        #expect(RedisValue.simple("OK").bytes == Array("OK".utf8))
        #expect(RedisValue.integer(3).string == nil)
        #expect(RedisValue.null.isNull)
        #expect(RedisValue.array([.null]).array == [.null])
    }
}

@Suite struct RedisServerErrorTests {
    @Test(
        "the first word of a message is its code",
        arguments: [
            ("NOSCRIPT No matching script. Please use EVAL.", RedisServerError.Code.noscript),
            ("LOADING Redis is loading the dataset in memory", .loading), ("MOVED 1 127.0.0.1:7000", .moved),
            ("NOREPLICAS Not enough good replicas to write.", .noreplicas), ("CLUSTERDOWN", .clusterdown),
            ("MASTERDOWN Link with MASTER is down", .masterdown), ("WRONGTYPE Operation", .other("WRONGTYPE")),
            ("", .other("")),
        ])
    func codes(message: String, code: RedisServerError.Code) {
        #expect(RedisServerError(message: message).code == code)
    }

    @Test("what may pass by itself is transient")
    func transient() {
        for word in ["LOADING", "BUSY", "READONLY", "OOM", "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"] {
            #expect(RedisServerError(message: word + " x").isTransient)
        }
        for word in ["ERR", "WRONGTYPE", "NOAUTH", "NOPERM", "NOSCRIPT", "EXECABORT"] {
            #expect(!RedisServerError(message: word + " x").isTransient)
        }
    }
}

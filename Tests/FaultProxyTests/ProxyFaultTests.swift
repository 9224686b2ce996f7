import FaultProxy
import RedisClient
import Testing
import TestSupport

@Suite struct ProxyFaultTests {
    @Test(
        "a request that is cut off on its way is not carried out",
        arguments: [WireFault.cutBeforeRequest, .cutInRequest])
    func cutOnTheWay(fault: WireFault) async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([FaultRule(fault, of: ["INCR"], limit: 1)])
            await expectInDoubt { try await rig.increment() }
            #expect(try await rig.increment() == 1)
            #expect(rig.proxy.tally.faults == [fault.name: 1])
        }
    }

    @Test(
        "a request whose connection is lost behind it is carried out once",
        arguments: [WireFault.cutAfterRequest, .cutBeforeReply, .cutInReply])
    func cutOnTheWayBack(fault: WireFault) async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([FaultRule(fault, of: ["INCR"], limit: 1)])
            await expectInDoubt { try await rig.increment() }
            if fault == .cutAfterRequest {
                try await eventually { try await rig.count == 1 }
            } else {
                #expect(try await rig.count == 1)
            }
            #expect(try await rig.increment() == 2)
            #expect(rig.proxy.tally.faults == [fault.name: 1])
        }
    }

    @Test("half of a large reply, and half of a large request, are nothing")
    func cutInLarge() async throws {
        try await Rig.run { (rig) async throws in
            let large = [UInt8](repeating: 1, count: 5 << 20)
            rig.proxy.use([
                FaultRule(.cutInRequest, of: ["SET"], limit: 1), FaultRule(.cutInReply, of: ["GET"], limit: 1),
            ])
            await expectInDoubt { try await rig.client.send("SET", "k", large) }
            #expect(try await rig.direct.send("EXISTS", "k").int == 0)
            try await rig.client.send("SET", "k", large)
            await expectInDoubt { try await rig.client.send("GET", "k") }
            #expect(try await rig.client.send("GET", "k").bytes == large)
        }
    }

    @Test("a half-open connection carries nothing, and others go on")
    func halfOpen() async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([FaultRule(.halfOpen, of: ["INCR"], limit: 1)])
            let stuck = Task { try await rig.increment() }
            try await eventually { rig.proxy.tally.count("half-open", of: "INCR") == 1 }
            #expect(try await rig.client.withConnection { try await $0.send("PING") } == .simple("PONG"))
            #expect(try await rig.count == 0)
            try await rig.proxy.cutAll()
            await expectInDoubt { try await stuck.value }
            #expect(try await rig.increment() == 1)
        }
    }

    @Test(
        "what is slow arrives whole and in order",
        arguments: [
            WireFault.delayRequest(upTo: .milliseconds(20)), .delayReply(upTo: .milliseconds(20)),
            .trickleRequest(upTo: .seconds(2)), .trickleReply(upTo: .seconds(2)),
        ])
    func slow(fault: WireFault) async throws {
        try await Rig.run { (rig) async throws in
            let limit = fault.name.hasPrefix("trickle") ? 3 : 20
            rig.proxy.use([FaultRule(fault, of: ["INCR", "GET"], limit: limit)])
            let commands = (0..<20).flatMap { _ in [RedisCommand("INCR", "n"), RedisCommand("GET", "n")] }
            let replies = try await rig.client.pipeline(commands)
            #expect(replies.map(\.int) == (1...20).flatMap { [Int64($0), Int64($0)] })
            #expect(rig.proxy.tally.count(fault.name) == limit)
        }
    }

    @Test(
        "an injected error takes its place among the replies",
        arguments: WireFault.Refusal.allCases.filter { $0 != .noscript })
    func refusal(refusal: WireFault.Refusal) async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([FaultRule(.refuse(refusal), of: ["INCR"], limit: 1)])
            let replies = try await rig.client.pipeline([
                RedisCommand("SET", "n", 7), RedisCommand("INCR", "n"), RedisCommand("GET", "n"),
            ])
            #expect(replies == [.simple("OK"), .error(RedisServerError(message: refusal.rawValue)), .string([0x37])])
            #expect(try await rig.increment() == 8)
            #expect(rig.proxy.tally.total == 1)
        }
    }

    @Test("who is cut off hears nothing; what it has sent may arrive long after it gave up")
    func isolation() async throws {
        try await Rig.run { (rig) async throws in
            #expect(try await rig.increment() == 1)
            // What does not pass meets no fault.
            rig.proxy.use([FaultRule(.cutBeforeRequest, of: ["INCR"])])
            try await rig.proxy.isolate()
            let stuck = Task { try await rig.increment() }
            try await eventually { rig.proxy.requests(of: "INCR") == 2 }
            await rig.client.close()
            await expectInDoubt { try await stuck.value }
            #expect(try await rig.count == 1)
            try await rig.proxy.heal()
            try await eventually { try await rig.count == 2 }
            #expect(rig.proxy.tally.total == 0)
        }
    }

    @Test(
        "faults behind the end of a connection are not done, and not counted",
        arguments: [WireFault.cutBeforeRequest, .cutAfterRequest, .cutInReply, .halfOpen])
    func behindTheEnd(fault: WireFault) async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([
                FaultRule(fault, of: ["SET"]), FaultRule(.refuse(.busy), of: ["INCR"]),
                FaultRule(.delayReply(upTo: .zero), of: ["GET"]),
            ])
            let commands = [RedisCommand("SET", "k", 1), RedisCommand("INCR", "n"), RedisCommand("GET", "k")]
            let stuck = Task { try await rig.client.pipeline(commands) }
            try await eventually { rig.proxy.tally.total == 1 }
            if fault == .halfOpen { try await rig.proxy.cutAll() }
            await expectInDoubt { try await stuck.value }
            #expect(rig.proxy.tally.faults == [fault.name: 1])
        }
    }

    @Test("while replies are held, requests are carried out and nobody hears of it")
    func heldReplies() async throws {
        try await Rig.run { (rig) async throws in
            #expect(try await rig.increment() == 1)
            try await rig.proxy.holdReplies()
            async let reply = rig.increment()
            try await eventually { try await rig.count == 2 }
            rig.redis.kill()
            try await rig.redis.restart()
            try await rig.proxy.heal()
            // The reply was given before the server died.
            #expect(try await reply == 2)
        }
    }

    @Test("a proxy that is led elsewhere takes its clients along")
    func elsewhere() async throws {
        try await Rig.run { (rig) async throws in
            #expect(try await rig.increment() == 1)
            try await withRedis { other in
                try await rig.proxy.point(at: other.configuration.endpoint)
                try await eventually {
                    do { return try await rig.client.send("GET", "n").isNull } catch is RedisError { return false }
                }
                #expect(try await rig.count == 1)
                try await rig.proxy.point(at: rig.redis.configuration.endpoint)
            }
        }
    }
}

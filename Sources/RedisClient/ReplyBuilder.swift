import CHiredis

/// Puts a reply together from the parts that hiredis reports, which come depth first.
///
/// hiredis would keep a pointer for every part; it gets the same one each time, since the parts stay here.
final class ReplyBuilder {
    /// Parts of one reply: bounds what its small parts grow to in memory.
    static let maxElements = 1 << 20

    /// Arrays that have begun and not ended, outermost first.
    private var open: [(values: [RedisValue], count: Int)] = []
    private var finished: RedisValue?
    private var elements = 0
    /// Why a part was refused.
    private(set) var refusal: String?

    func add(_ part: RedisValue) -> Bool {
        elements += 1
        guard elements <= Self.maxElements else { return refuse("a reply of more than \(Self.maxElements) parts") }
        close(with: part)
        return true
    }

    /// Nothing is set aside for `count` parts before they come: the number is a claim of the peer.
    func begin(arrayOf count: Int) -> Bool {
        guard count <= Self.maxElements - elements else { return refuse("an array that claims \(count) parts") }
        if count == 0 { return add(.array([])) }
        elements += 1
        var values: [RedisValue] = []
        values.reserveCapacity(min(count, 64))
        open.append((values, count))
        return true
    }

    /// The whole reply, once; then the next one begins. `nil` if a part of it never came.
    func take() -> RedisValue? {
        defer {
            finished = nil
            elements = 0
        }
        return open.isEmpty ? finished : nil
    }

    private func close(with part: RedisValue) {
        var part = part
        while let last = open.indices.last {
            open[last].values.append(part)
            if open[last].values.count < open[last].count { return }
            part = .array(open.removeLast().values)
        }
        finished = part
    }

    private func refuse(_ reason: String) -> Bool {
        refusal = reason
        return false
    }
}

extension ReplyBuilder {
    /// The callbacks; they find the builder in the `privdata` of the task. Made once, never freed.
    nonisolated(unsafe) static let functions = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        functions.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, text, length in
                    ReplyBuilder.report(task) { builder, type in
                        let bytes = UnsafeRawBufferPointer(start: text, count: length)
                        return switch type {
                        case REDIS_REPLY_STRING: builder.add(.string(Array(bytes)))
                        case REDIS_REPLY_ERROR:
                            builder.add(.error(RedisServerError(message: String(decoding: bytes, as: UTF8.self))))
                        default: builder.add(.simple(String(decoding: bytes, as: UTF8.self)))
                        }
                    }
                },
                createArray: { task, count in
                    ReplyBuilder.report(task) { builder, _ in builder.begin(arrayOf: Int(count)) }
                },
                createInteger: { task, number in
                    ReplyBuilder.report(task) { builder, _ in builder.add(.integer(number)) }
                },
                createNil: { task in
                    ReplyBuilder.report(task) { builder, _ in builder.add(.null) }
                },
                freeObject: nil))
        return functions
    }()

    /// hiredis takes null for a failure, and anything else for an object.
    private static func report(
        _ task: UnsafePointer<redisReadTask>?, _ part: (ReplyBuilder, Int32) -> Bool
    ) -> UnsafeMutableRawPointer? {
        guard let task, let owner = task.pointee.privdata else { return nil }
        let builder = Unmanaged<ReplyBuilder>.fromOpaque(owner).takeUnretainedValue()
        return part(builder, task.pointee.type) ? owner : nil
    }
}

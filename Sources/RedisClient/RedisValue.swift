/// A reply, or a part of one.
package enum RedisValue: Sendable, Equatable {
    /// A bulk string: any bytes.
    case string([UInt8])
    case integer(Int64)
    case null
    case array([RedisValue])
    /// A status such as `OK`.
    case simple(String)
    indirect case error(RedisServerError)
}

extension RedisValue {
    /// The text of a string that is UTF-8, or of a status.
    package var string: String? {
        switch self {
        case .string(let bytes): String(validating: bytes, as: UTF8.self)
        case .simple(let text): text
        case .integer, .null, .array, .error: nil
        }
    }

    package var bytes: [UInt8]? {
        switch self {
        case .string(let bytes): bytes
        case .simple(let text): Array(text.utf8)
        case .integer, .null, .array, .error: nil
        }
    }

    /// An integer, or a string that is the decimal form of one.
    package var int: Int64? {
        switch self {
        case .integer(let number): number
        case .string, .simple: string.flatMap { Int64($0) }
        case .null, .array, .error: nil
        }
    }

    package var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    package var isNull: Bool { self == .null }

    /// The flat reply of `HGETALL`: fields and values by turns; nil when it is not that, or not UTF-8.
    package func hash() -> [String: String]? {
        guard let array, array.count.isMultiple(of: 2) else { return nil }
        var hash = [String: String](minimumCapacity: array.count / 2)
        for index in stride(from: 0, to: array.count, by: 2) {
            guard let field = array[index].string, let value = array[index + 1].string else { return nil }
            hash[field] = value
        }
        return hash
    }
}

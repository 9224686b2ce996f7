package import Foundation
package import ImportModel
import RedisClient

/// An attempt that runs, as Redis has it, and what it writes.
package struct Holding: Sendable {
    package let task: String
    package let image: ImageID
    package let worker: String
    package let nonce: String

    /// When its object was last written to, whole or in the making; `nil`: there is none.
    package func lastWrite(in store: URL) throws -> Date? {
        let folder = store.appendingPathComponent("objects/\(image.rawValue.prefix(2))/\(image)")
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return nil }
        return try names.filter { $0.hasPrefix(nonce) }.map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
            return attributes[.modificationDate] as? Date ?? .distantFuture
        }.max()
    }
}

extension Fleet {
    /// The attempts that run now.
    package func holdings() async throws -> [Holding] {
        let tasks = try await ask(RedisCommand("ZRANGE", "{longshore}:leases", 0, -1)).array?.compactMap(\.string) ?? []
        let fields = try await ask(
            tasks.map { RedisCommand("HMGET", "{longshore}:task:\($0)", "image", "worker", "nonce") })
        return zip(tasks, fields).compactMap { task, reply in
            let values = reply.array?.compactMap(\.string) ?? []
            guard values.count == 3, let image = ImageID(rawValue: values[0]) else { return nil }
            return Holding(task: task, image: image, worker: values[1], nonce: values[2])
        }
    }
}

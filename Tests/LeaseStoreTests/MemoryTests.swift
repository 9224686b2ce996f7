import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct MemoryTests {
    @Test("a queued task takes little memory")
    func queuedTask() async throws {
        try await withFleet(["--hash-max-listpack-value", "1024", "--hash-max-listpack-entries", "128"]) { fleet in
            func used() async throws -> Int64 {
                let info = try await fleet.client.send("INFO", "memory").string ?? ""
                let line = info.split(separator: "\r\n").first { $0.hasPrefix("used_memory:") }
                return Int64(line?.dropFirst("used_memory:".count) ?? "") ?? 0
            }
            let count = 2000
            var tasks: [NewTask] = []
            for number in 0..<count {
                tasks.append(Fleet.download(try await fleet.image(), owner: "tenant-\(number % 10)"))
            }
            let before = try await used()
            for task in tasks { _ = try await fleet.store.createImport(task, wanted: .queued) }
            let perTask = (try await used() - before) / Int64(count)
            let task = try #require(tasks.last)
            let hash = try await fleet.client.send("MEMORY", "USAGE", fleet.store.keys.task(task.id)).int ?? 0
            let lock = try await fleet.client.send("MEMORY", "USAGE", fleet.store.keys.lock(task.image)).int ?? 0
            let encoding = try await fleet.client.send("OBJECT", "ENCODING", fleet.store.keys.task(task.id)).string
            print("memory of a queued task: hash \(hash) B, lock \(lock) B, in all \(perTask) B (\(count) tasks)")
            #expect(encoding == "listpack")
            #expect(hash + lock < 1024)
            #expect(perTask < 3000)
        }
    }
}

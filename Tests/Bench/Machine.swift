import Foundation
import Glibc

/// What the figures were measured on.
struct Machine: Codable {
    var cores: Int
    var processor: String
    var memoryGiB: Int
    var redis: String
    /// Appending 512 bytes to a file and `fdatasync`, as Redis does for a write of its own: the median.
    var fsyncMs: Double
    /// The load average when the run began: what else the machine was doing.
    var load: Double
    /// Whether the data folder is in memory, where fsync costs nothing.
    var isFolderInMemory: Bool

    static func examine(_ place: Place) async throws -> Machine {
        let redis = try await place.withCatalog(.none) { catalog, _ in try await catalog.info("redis_version") }
        var averages = [0.0]
        getloadavg(&averages, 1)
        return Machine(
            cores: ProcessInfo.processInfo.activeProcessorCount, processor: processor(),
            memoryGiB: Int((Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)).rounded()),
            redis: redis, fsyncMs: try fsyncMedian(place), load: averages[0], isFolderInMemory: isInMemory(place))
    }

    private static func processor() -> String {
        // Where the kernel does not tell, nobody knows.
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    private static func fsyncMedian(_ place: Place) throws -> Double {
        let path = place.folder.appendingPathComponent("fsync").path
        let descriptor = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 512)
        var times: [Double] = []
        for _ in 0..<300 {
            let start = ContinuousClock.now
            guard write(descriptor, block, block.count) == block.count, fdatasync(descriptor) == 0 else {
                throw BenchError("\(path): \(String(cString: strerror(errno)))")
            }
            times.append((ContinuousClock.now - start).inMilliseconds)
        }
        return times.median
    }

    private static func isInMemory(_ place: Place) -> Bool {
        // Where the kernel does not tell, nobody knows.
        let mounts = (try? String(contentsOfFile: "/proc/mounts", encoding: .utf8)) ?? ""
        let (path, lines) = (place.folder.path, mounts.split(separator: "\n").map { $0.split(separator: " ") })
        let around = lines.filter { $0.count > 2 && ($0[1] == "/" || (path + "/").hasPrefix($0[1] + "/")) }
        return around.max { $0[1].count < $1[1].count }?[2] == "tmpfs"
    }
}

import FaultHarness
import Foundation
import ImportModel
import RedisClient
import Testing
import TestSupport

extension SystemTests {
    @Suite struct FrugalityTests {
        @Test("an idle fleet is quiet")
        func quiet() async throws {
            // The defaults, since their pace is what is counted.
            try await Fleet.run([]) { fleet in
                let workers = try await fleet.startWorkers(Scale.factor > 1 ? 100 : 20)
                // Every one of them has got to know its neighbours when none asks for another's record any more.
                var known = -1 as Int64
                try await eventually(within: .seconds(120)) {
                    let before = known
                    known = try await calls(fleet)["hgetall"] ?? 0
                    try await Task.sleep(for: .seconds(2))
                    return known == before
                }
                let before = try await calls(fleet)
                try await Task.sleep(for: .seconds(20))  // the length of the measurement
                let made = try await calls(fleet).map { ($0, $1 - (before[$0] ?? 0)) }.filter { $0.1 > 0 }
                let requests = made.filter { ["evalsha", "evalsha_ro", "eval", "blpop"].contains($0.0) }.reduce(0) {
                    $0 + $1.1
                }
                let all = made.reduce(0) { $0 + $1.1 }
                let each = Double(requests) / 20 / Double(workers.count)
                print(
                    "\(workers.count) idle workers in 20 s: \(requests) requests (\(each) a second each), \(all) commands with those in scripts: \(made)"
                )
                #expect(each < 1)
            }
        }

        /// How often each command was called, by clients and by scripts.
        private func calls(_ fleet: Fleet) async throws -> [String: Int64] {
            let info = try await fleet.ask(RedisCommand("INFO", "commandstats")).string ?? ""
            return info.matches(of: /cmdstat_([a-z|_]+):calls=([0-9]+)/).reduce(into: [:]) { calls, match in
                calls[String(match.output.1)] = Int64(match.output.2)
            }
        }

        @Test("a worker's memory does not grow with the size of an image")
        func largeImage() async throws {
            let mib = Scale.factor > 1 ? 4096 : 256
            let peak = try await peakMiB(of: [SourceImage(seed: 1, mib: mib)])
            print("an import of \(mib) MiB took \(peak) MiB above idle")
            #expect(peak < 150)
        }

        @Test("sixteen imports at once take little memory")
        func manyImages() async throws {
            let peak = try await peakMiB(of: (0..<16).map { SourceImage(seed: $0, mib: 64 * min(Scale.factor, 8)) })
            print("16 imports at once took \(peak) MiB above idle")
            #expect(peak < 400)
        }

        /// The most that a worker's resident memory was above what it is when idle, while it imported these.
        private func peakMiB(of images: [SourceImage]) async throws -> Int {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                let worker = try await fleet.startWorker(["--concurrency", "16"])
                let small = SourceImage(seed: 99, mib: 1)
                try await api.client.wait(for: [try await api.client.beginImport(fleet.source.url(small))])
                let idle = try memoryKiB(worker.pid, "VmRSS")
                // 5: forget the peak so far.
                try "5".write(toFile: "/proc/\(worker.pid)/clear_refs", atomically: false, encoding: .utf8)
                var ids: [ImageID: SourceImage] = [:]
                for image in images { ids[try await api.client.beginImport(fleet.source.url(image))] = image }
                try await api.client.wait(for: ids.keys, within: .seconds(600))
                let peak = try memoryKiB(worker.pid, "VmHWM")
                let check = RestCheck(fleet: fleet)
                let problems = try await check.problems(ids, isSwept: false).map(\.what)
                #expect(problems.filter { !$0.contains("named by nothing") } == [])
                return (peak - idle) / 1024
            }
        }

        private func memoryKiB(_ pid: pid_t, _ field: String) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") } ?? ""
            guard let number = line.split(whereSeparator: \.isWhitespace).dropFirst().first, let kib = Int(number)
            else {
                throw ServiceFailure("/proc/\(pid)/status has no \(field)")
            }
            return kib
        }
    }
}

import ArgumentParser
import Foundation

/// `longshore-bench`: what one import costs Redis and the machine, printed beside the project's targets.
@main
struct LongshoreBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longshore-bench",
        abstract:
            "Measure scripts, waits, cycles, Redis memory, lists and requests, and imports of small and large images.",
        discussion: "Rates and times are medians of the runs. docs/performance.md says how each one is measured.")

    @Flag(help: "Print one JSON document instead of tables.")
    var json = false

    @Option(help: "Runs of every measurement.")
    var runs = 3

    @Option(help: "Where Redis and the store put their data, for as long as it takes: a folder on a real disk.")
    var folder = "."

    @Option(help: "The longshore binary whose API and worker do the imports; without it these are left out.")
    var binary: String?

    @Option(help: "The size of the large image, in MiB.")
    var mib = 1024

    @Option(
        help: "Measure only this; can be repeated. One of: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [Part] = []

    @Option(help: .hidden)
    var bareHandler: String?

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case scripts, wait, cycles, memory, lists, requests, imports, data, bucket, staged, copies, compressed, sources

        /// Those that start real processes.
        static let ofImports: [Part] = [.requests, .imports, .data, .bucket, .staged, .copies, .compressed, .sources]
    }

    /// Built with this program, and so beside it.
    private var limit: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("data-path-limit").path
    }

    func validate() throws {
        guard (1...99).contains(runs) else { throw ValidationError("--runs is a number from 1 to 99.") }
        if let binary, !FileManager.default.isExecutableFile(atPath: binary) {
            throw ValidationError("there is no program at \(binary); 'make release' builds it.")
        }
        guard (16...(64 << 10)).contains(mib) else { throw ValidationError("--mib is a number from 16 to 65536.") }
        for part in Part.ofImports where binary == nil && only.contains(part) {
            throw ValidationError("--only \(part.rawValue) needs --binary.")
        }
        if only.contains(.bucket), !BucketImport.isPossible {
            throw ValidationError("--only bucket needs SeaweedFS; 'make dependencies' installs it.")
        }
    }

    func run() async throws {
        if let bareHandler { return try await BareHandler.serve(bareHandler) }
        let place = try Place(in: folder)
        defer { place.remove() }
        var report = Report(runs: runs, machine: try await Machine.examine(place))
        for part in Part.allCases where only.isEmpty || only.contains(part) {
            // Progress goes to standard error, so that the report can be kept.
            FileHandle.standardError.write(Data("measuring \(part.rawValue)\n".utf8))
            report.figures += try await measure(part, at: place)
        }
        print(json ? try report.json() : report.text())
    }

    private func measure(_ part: Part, at place: Place) async throws -> [Figure] {
        switch part {
        case .scripts:
            var figures: [Figure] = []
            for durability in Durability.allCases {
                for inFlight in [1, 64] {
                    figures += try await ScriptRates(durability: durability, inFlight: inFlight)
                        .measure(runs: runs, at: place)
                }
            }
            return figures
        case .wait:
            var figures: [Figure] = []
            for durability in Durability.allCases {
                figures += try await ClaimLatency(durability: durability).measure(runs: runs, at: place)
            }
            return figures
        case .cycles: return try await WholeCycles().measure(runs: runs, at: place)
        case .memory: return try await QueueMemory().measure(at: place)
        case .lists: return try await Lists().measure(at: place)
        case .requests:
            guard let binary else { return [] }
            return try await ShowAndList(binary: binary).measure(runs: runs, at: place)
        case .imports:
            guard let binary else { return [] }
            return try await TinyImports(binary: binary).measure(runs: runs, at: place)
        case .data:
            guard let binary else { return [] }
            return try await DataPath(binary: binary, limit: limit, mib: mib).measure(runs: runs, at: place)
        case .bucket:
            guard let binary, BucketImport.isPossible else { return [] }
            return try await BucketImport(binary: binary, mib: mib).measure(runs: runs, at: place)
        case .staged:
            guard let binary else { return [] }
            return try await StagedImage(binary: binary, mib: mib).measure(runs: runs, at: place)
        case .copies:
            guard let binary else { return [] }
            return try await CopiedImage(binary: binary, mib: mib).measure(runs: runs, at: place)
        case .compressed:
            guard let binary else { return [] }
            return try await CompressedImages(binary: binary, mib: max(16, mib / 4)).measure(runs: runs, at: place)
        case .sources:
            guard let binary else { return [] }
            return try await SlowSources(binary: binary).measure(runs: runs, at: place)
        }
    }
}

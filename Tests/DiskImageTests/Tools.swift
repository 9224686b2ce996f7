import Foundation
import Testing

/// Runs the programs that make and judge images.
enum Tools {
    static func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "longshore-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // What could not be removed harms no test.
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    static func run(_ command: [String], input: URL? = nil, output: URL? = nil) async throws {
        let status = try await status(of: command, input: input, output: output)
        try #require(status == 0, "\(command.joined(separator: " ")) ended with \(status)")
    }

    static func status(of command: [String], input: URL? = nil, output: URL? = nil) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        if let input { process.standardInput = try FileHandle(forReadingFrom: input) }
        if let output { process.standardOutput = try FileHandle(forWritingTo: output) }
        return try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { ended.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { ended.resume(throwing: error) }
        }
    }

    /// A number from the environment, for runs that are to be longer than usual or the same as before.
    static func setting(_ name: String, default value: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? value
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

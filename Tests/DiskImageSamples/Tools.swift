package import Foundation
import TestSupport

/// Runs the programs that make and judge images.
package enum Tools {
    package static func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "longshore-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // What could not be removed harms no test.
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    package static func run(_ command: [String], input: URL? = nil, output: URL? = nil) async throws {
        let status = try await status(of: command, input: input, output: output)
        guard status == 0 else { throw ToolFailure(command: command, status: status) }
    }

    package static func status(of command: [String], input: URL? = nil, output: URL? = nil) async throws -> Int32 {
        let source = try input.map { try FileHandle(forReadingFrom: $0) }
        defer { withExtendedLifetime(source) {} }
        return try await ChildProgram.run(command, input: source?.fileDescriptor, output: output)
    }

    /// A number from the environment, for runs that are to be longer than usual or the same as before.
    package static func setting(_ name: String, default value: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? value
    }
}

/// The same numbers for the same seed (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

package struct ToolFailure: Error, CustomStringConvertible {
    let command: [String]
    let status: Int32

    package var description: String { "\(command.joined(separator: " ")) ended with \(status)" }
}

import Foundation

/// The time of day that one process sees. What it takes for elapsed time stays as it is.
struct WallClock: Sendable {
    /// A way to be wrong.
    struct Reading: Hashable, Sendable, CustomStringConvertible {
        /// In seconds.
        let offset: Double
        /// Seconds that go by in a second.
        var pace: Double = 1

        /// Whether it is no fault.
        var isRight: Bool { offset == 0 && pace == 1 }

        var description: String { "\(offset) s off at a pace of \(pace)" }
    }

    private let library: URL
    private let file: URL

    /// - Parameter folder: where the library is built, once, and where the clocks' files are.
    init(_ name: String, in folder: URL, _ reading: Reading) async throws {
        library = folder.appendingPathComponent("wallclock.so")
        file = folder.appendingPathComponent("\(name).clock")
        try set(reading)
        guard !FileManager.default.fileExists(atPath: library.path) else { return }
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("WallClock/wallclock.c")
        let ending = try await Program.run(
            "clang", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library.path, source.path])
        guard ending.code == 0 else { throw ServiceFailure("the clock cannot be compiled: \(ending.complaint)") }
    }

    /// Jumps, or goes at another pace from now on.
    func set(_ reading: Reading) throws {
        let values = [reading.offset, reading.pace, Date().timeIntervalSince1970]
        let bytes = values.withUnsafeBytes { Data($0) }
        // In place: the processes have it mapped.
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemCallError(what: "open \(file.path)", code: errno) }
        defer { close(descriptor) }
        let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw SystemCallError(what: "write \(file.path)", code: errno) }
    }

    /// What starts a process that sees this clock.
    var launcher: [String] { ["env", "LD_PRELOAD=\(library.path)", "WALL_CLOCK=\(file.path)"] }
}

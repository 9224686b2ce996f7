import Foundation
import TestSupport

/// Programs that are run to their end: the `longshore` commands, and the clients and tools of others.
package enum Program {
    package struct Ending: Sendable {
        /// 124: it was still running at its time limit.
        package let code: Int32
        package let output: String
        package let complaint: String
    }

    /// What a program finds at its standard input.
    package enum Input {
        case nothing
        /// A terminal at which nobody types. The OpenStack clients take anything else for an image's bytes.
        case terminal
        case text(String)
    }

    /// The binary that is built with the tests: it lies beside the program that runs them.
    package static let longshore = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("longshore").path

    /// - Parameter limit: in seconds; then the program is killed.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: Input = .nothing,
        limit: Int = 120
    ) async throws -> Ending {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["--foreground", "--kill-after=5", String(limit), program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = folder
        let (output, complaint) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
        process.standardOutput = try writer(output)
        process.standardError = try writer(complaint)
        var terminal: Terminal?
        switch input {
        case .nothing:
            process.standardInput = FileHandle.nullDevice
        case .terminal:
            let opened = try Terminal()
            process.standardInput = opened.end
            terminal = opened
        case .text(let text):
            let file = folder.appendingPathComponent("in")
            try text.write(to: file, atomically: false, encoding: .utf8)
            process.standardInput = try FileHandle(forReadingFrom: file)
        }
        defer { terminal?.close() }
        let code = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                done.resume(throwing: error)
            }
        }
        return Ending(code: code, output: try text(of: output), complaint: try text(of: complaint))
    }

    private static func writer(_ url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    private static func text(of url: URL) throws -> String {
        String(decoding: try Data(contentsOf: url), as: UTF8.self)
    }
}

/// A pseudo terminal.
private struct Terminal {
    /// The program's end.
    let end: FileHandle
    private let ours: FileHandle

    init() throws {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard master >= 0 else { throw SystemCallError(what: "open /dev/ptmx", code: errno) }
        ours = FileHandle(fileDescriptor: master, closeOnDealloc: true)
        var isLocked: Int32 = 0
        let slave =
            ioctl(master, Self.setLock, &isLocked) == 0
            ? ioctl(master, Self.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1
        guard slave >= 0 else { throw SystemCallError(what: "open a terminal", code: errno) }
        end = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    }

    /// TIOCSPTLCK and TIOCGPTPEER, which the headers keep from Swift.
    private static let (setLock, openPeer): (UInt, UInt) = (0x4004_5431, 0x5441)

    func close() {
        // Both ends are closed by their deallocation at the latest.
        try? end.close()
        try? ours.close()
    }
}

package struct SystemCallError: Error, CustomStringConvertible {
    package let what: String
    package let code: Int32

    package var description: String { "\(what): \(String(cString: strerror(code)))" }
}

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
        let (output, complaint) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
        let settings = environment.map { "\($0)=\($1)" }
        let limits = ["timeout", "--foreground", "--kill-after=5", String(limit)]
        var source: FileHandle?
        var terminal: Terminal?
        switch input {
        case .nothing: break
        case .terminal:
            let opened = try Terminal()
            (source, terminal) = (opened.end, opened)
        case .text(let text):
            let file = folder.appendingPathComponent("in")
            try text.write(to: file, atomically: false, encoding: .utf8)
            source = try FileHandle(forReadingFrom: file)
        }
        defer { withExtendedLifetime((source, terminal)) { terminal?.close() } }
        for file in [output, complaint] { try Data().write(to: file) }
        let code = try await ChildProgram.run(
            ["env", "-C", folder.path] + settings + limits + [program] + arguments,
            input: source?.fileDescriptor, output: output, errors: complaint)
        return Ending(code: code, output: try text(of: output), complaint: try text(of: complaint))
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

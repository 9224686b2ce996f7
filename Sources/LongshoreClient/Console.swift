import Foundation
import Glibc
import NIOPosix

/// The command's standard output and error.
///
/// Writes happen on the thread pool: a terminal that the user has stopped, or a full pipe, blocks nothing else.
package struct Console: Sendable {
    /// Whether standard output is a terminal that understands cursor movements.
    package let isTerminal: Bool
    package let paint: Paint
    private let output: CInt
    private let errors: CInt
    private let columns: Int?

    /// - Parameter environment: `NO_COLOR`, `TERM` and `COLUMNS` are honoured.
    package init(
        output: CInt = STDOUT_FILENO, errors: CInt = STDERR_FILENO,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.output = output
        self.errors = errors
        let isDumb = ["", "dumb"].contains(environment["TERM"] ?? "")
        isTerminal = isatty(output) == 1 && !isDumb
        paint = Paint(isColoured: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty)
        columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Columns and lines, now: the user may change them at any time.
    package var size: (width: Int, height: Int) {
        var size = winsize()
        let isKnown = ioctl(output, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
        return isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (columns ?? 80, 24)
    }

    /// - Throws: `OutputClosed` when nobody reads any more.
    package func write(_ text: String) async throws { try await write(text, to: output) }

    package func print(_ lines: [String]) async throws {
        guard !lines.isEmpty else { return }
        try await write(lines.joined(separator: "\n") + "\n")
    }

    /// Writes a line to standard error, after the name of the program.
    package func warn(_ text: String) async {
        await complain("longshore: \(text)")
    }

    /// Writes a line of comfort to standard error, so that standard output holds results only.
    package func note(_ text: String) async { await complain(SafeText.line(text)) }

    /// Writes `text` to standard error as it is; it may have several lines.
    package func complain(_ text: String) async {
        // Nothing can be said about a closed standard error.
        try? await write(text + "\n", to: errors)
    }

    /// Writes also when the task has been cancelled: the last words of a command come then.
    private func write(_ text: String, to descriptor: CInt) async throws {
        guard !text.isEmpty else { return }
        let bytes = Array(text.utf8)
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            NIOThreadPool.singleton.submit { _ in done.resume(with: Result { try Self.writeAll(bytes, descriptor) }) }
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: CInt) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            if written < 0 && errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
                continue
            }
            guard written > 0 else { throw OutputClosed() }
            rest = rest.dropFirst(written)
        }
    }
}

/// Standard output is closed, as at the end of `longshore tasks | head`.
package struct OutputClosed: Error {}

package import Foundation
import Synchronization

/// A child process of a test: can be killed, and does not outlive the tests, however they end.
///
/// A second child, the guardian, holds the other end of a socket: when the tests die, it ends, and the guardian
/// kills the process and removes its folder.
package final class ServerProcess: Sendable {
    package let pid: pid_t
    private let guardian: pid_t
    private let guardSocket: Int32
    /// How it ended, once that was asked for. Until then its number is nobody else's.
    private let status = Mutex<Int32?>(nil)

    /// Starts a program with its output going to `log`. `folder` goes when the tests die.
    package init(_ program: String, _ arguments: [String], log: URL, folder: URL) throws {
        let pid = try Self.spawn([program] + arguments, output: log.path, errors: log.path)
        var ends: [Int32] = [0, 0]
        // No other child may inherit this side's end, or it would not end with the tests.
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw ServerProcessError(what: "socketpair", code: errno)
        }
        defer { Glibc.close(ends[0]) }
        let watch = #"read -r word || { kill -9 "$0" 2>/dev/null; rm -rf -- "$1"; }"#
        guardian = try Self.spawn(
            ["/bin/sh", "-c", watch, String(pid), folder.path], input: ends[0], output: "/dev/null",
            errors: "/dev/null")
        guardSocket = ends[1]
        self.pid = pid
    }

    deinit { kill() }

    /// Ends the process by SIGKILL and returns once it is gone.
    package func kill() { _ = end(SIGKILL) }

    /// Asks the process to end and returns once it is gone. After two minutes it is killed.
    /// - Returns: whether it went by itself.
    package func terminate() -> Bool { end(SIGTERM, within: 120) }

    /// Sends a signal that the process outlives, such as SIGSTOP and SIGCONT.
    package func signal(_ number: Int32) {
        status.withLock { if $0 == nil { _ = Glibc.kill(pid, number) } }
    }

    /// Whether the process has ended by itself.
    package var hasExited: Bool {
        status.withLock { status in
            guard status == nil else { return true }
            var info = siginfo_t()
            return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
        }
    }

    /// The signal that it died of; `nil`: it has ended in another way, or `kill` and `terminate` have yet to be called.
    package var fatalSignal: Int32? {
        status.withLock { $0 }.flatMap { status in (status & 0x7f) == 0 ? nil : status & 0x7f }
    }

    private func end(_ number: Int32, within seconds: Int32? = nil) -> Bool {
        signal(number)
        if number != SIGKILL { signal(SIGCONT) }
        // Not under the lock: one that stops itself on its way has to be let go on by somebody else.
        let isInTime = hasEnded(within: seconds)
        if !isInTime {
            signal(SIGKILL)
            _ = hasEnded(within: nil)
        }
        status.withLock { status in
            guard status == nil else { return }
            var code: Int32 = 0
            waitpid(pid, &code, 0)
            status = code
            // The word tells the guardian that its ward has gone.
            write(guardSocket, "gone\n", 5)
            Glibc.close(guardSocket)
            waitpid(guardian, nil, 0)
        }
        return isInTime
    }

    /// Waits for the end of a process that may already have been collected, and whose number another one may have.
    private func hasEnded(within seconds: Int32?) -> Bool {
        // The header keeps it from Swift.
        typealias Open = @convention(c) (pid_t, UInt32) -> Int32
        guard let symbol = dlsym(nil, "pidfd_open") else { return true }
        let process = status.withLock { $0 == nil ? unsafeBitCast(symbol, to: Open.self)(pid, 0) : -1 }
        guard process >= 0 else { return true }
        defer { Glibc.close(process) }
        var wait = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&wait, 1, seconds.map { $0 * 1000 } ?? -1)
            if count >= 0 || errno != EINTR { return count != 0 }
        }
    }

    /// Runs a program to its end. Throws, with its output, when it fails.
    package static func run(_ program: String, _ arguments: [String], log: URL) throws {
        let pid = try spawn([program] + arguments, output: log.path, errors: log.path)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        guard status == 0 else {
            let output = (try? String(contentsOf: log, encoding: .utf8)) ?? ""  // without output the status must do
            throw ServerProcessError(what: "\(program) \(arguments.joined(separator: " ")): \(output)", code: 0)
        }
    }

    /// Starts a program, which has `/dev/null` for a missing input, and this process's output and errors.
    static func spawn(
        _ words: [String], input: Int32? = nil, output: String? = nil, errors: String? = nil
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        if let output { posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600) }
        if let errors, errors == output {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
        }
        // Sockets of the tests are not for the child: the peer would not see them closed while it lives.
        if let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") {
            // The header keeps it from Swift, as it is no part of POSIX.
            typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
            _ = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, 3)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C at the terminal goes to the tests, and the guardian sees to the rest.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        argv.append(nil)
        defer { for word in argv { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, argv, environ)
        guard code == 0 else { throw ServerProcessError(what: "cannot start \(words[0])", code: code) }
        return pid
    }
}

package struct ServerProcessError: Error, CustomStringConvertible {
    let what: String
    let code: Int32

    package var description: String { code == 0 ? what : "\(what): \(String(cString: strerror(code)))" }
}

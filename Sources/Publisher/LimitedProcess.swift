import CProcess
import Foundation

/// Runs a program that reads what strangers wrote: with limits, without an environment, and never for long. Blocks.
struct LimitedProcess {
    enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
        case timedOut
    }

    static let maxOutput = 1 << 18

    /// Seconds of the processor, blocks of 512 bytes, KiB of addresses, open files; then the program itself.
    private static let script =
        "for limit in '-t 10' '-c 0' '-f 4096' '-v 1048576' '-n 64'; do ulimit $limit || exit 126; done; exec \"$@\""

    private let words: [String]
    private let patience: Duration

    /// - Parameter words: the program, as an absolute path, and its arguments.
    init(_ words: [String], patience: Duration) {
        self.words = ["/bin/sh", "-c", Self.script, "sh"] + words
        self.patience = patience
    }

    /// What the program wrote to its standard output, and how it ended; nothing of it is left.
    func run() throws(PublisherError) -> (output: [UInt8], exit: Exit) {
        var ends: [Int32] = [0, 0]
        guard cprocess_pipe(&ends) == 0 else { throw Self.failure(errno) }
        let process: pid_t
        do { process = try start(output: ends[1]) } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        close(ends[1])
        let (output, isComplete) = read(ends[0])
        close(ends[0])
        if !isComplete { kill(-process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        if !isComplete { return (output, .timedOut) }
        return (output, status & 0x7f == 0 ? .code((status >> 8) & 0xff) : .signal(status & 0x7f))
    }

    private func start(output: Int32) throws(PublisherError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        cprocess_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        // A group of its own, so that whatever it starts ends with it.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var process: pid_t = 0
        let code = posix_spawn(&process, words[0], &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw Self.failure(code) }
        return process
    }

    /// Reads to the end; `false` when that did not come in time, or there was too much.
    private func read(_ descriptor: Int32) -> ([UInt8], isComplete: Bool) {
        let deadline = ContinuousClock.now + patience
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 14)
        while output.count <= Self.maxOutput {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return (output, false) }
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, Int32(left / .milliseconds(1)) + 1)
            if ready < 0 && errno != EINTR { return (output, false) }
            guard ready > 0 else { continue }
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { return (output, true) }
            if count < 0 && errno != EINTR { return (output, false) }
            if count > 0 { output += piece.prefix(count) }
        }
        return (output, false)
    }

    private static func failure(_ code: CInt) -> PublisherError {
        .machine("no process can be started (\(String(cString: strerror(code)))); look at the machine's limits")
    }
}

import Foundation

extension ServiceProcess {
    /// What is wrong with the way in which it came to its end; `nil`: nothing. To be asked when it was killed.
    ///
    /// A service ends when it is told to. By itself it may end at a failpoint only, and, before it is ready, when it
    /// finds no Redis that answers.
    package var wrongEnd: String? {
        guard !mayDie else { return nil }
        let log = text
        // Writing the report takes a while, in which it may be killed.
        if fatalSignal.map(Self.crashes.contains) == true || Self.crashReports.contains(where: log.contains) {
            return "\(name) has crashed:\n\(tail(40))"
        }
        guard !wasTold else { return nil }
        let lines = lines()
        if lines.contains(where: { $0.message.hasPrefix("failpoint ") && $0.message.hasSuffix(": kill") }) {
            return nil
        }
        let wasReady = lines.contains { $0.message.hasSuffix(" is ready") || $0.message == "listening" }
        let foundNoRedis = lines.contains { line in Self.noRedis.contains { line.message.hasPrefix($0) } }
        if !wasReady, foundNoRedis { return nil }
        return "\(name) ended by itself:\n\(tail())"
    }

    private static let crashes: Set<Int32> = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    private static let crashReports = ["Fatal error: ", "Backtracing from ", "Program crashed: "]

    /// How a service says at its start that Redis is away, or not ready for it.
    private static let noRedis = [
        "Redis was not asked: ", "no reply from Redis: ", "Redis refused: LOADING", "Redis refused: BUSY",
        "Redis cannot be used right now: ", "Redis did not answer: ",
    ].map { "longshore: " + $0 }
}

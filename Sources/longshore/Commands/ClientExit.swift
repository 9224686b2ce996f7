import ArgumentParser
import Identity
import ImportModel
import LongshoreClient

/// The exit codes of the client commands.
enum ClientExit {
    static let failed = ExitCode(1)
    static let usage = ExitCode(2)
    static let unreachable = ExitCode(3)
    static let timedOut = ExitCode(4)
    static let interrupted = ExitCode(130)
    /// As if ended by SIGPIPE, like other tools whose output is closed.
    static let outputClosed = ExitCode(141)

    static let discussion = """
        EXIT CODES
          0 done; 1 failed; 2 wrong usage; 3 the service does not answer; 4 timed out waiting; 130 interrupted
        """

    /// Says what went wrong on standard error and gives the code to exit with.
    static func code(for error: any Error, _ console: Console) async -> ExitCode {
        switch error {
        case let code as ExitCode: return code
        case is OutputClosed: return outputClosed
        case is CancellationError, is Interrupted: return interrupted
        case let error as InvalidValue:
            await console.warn(error.message)
            return usage
        case IdentityError.unavailable(let text):
            await console.warn(text)
            return unreachable
        default:
            await console.warn("\(error)")
            return error.isUnreachable ? unreachable : failed
        }
    }
}

extension AsyncParsableCommand {
    /// Parses the command line, runs the command and exits: 2 for wrong usage, otherwise the command's own code.
    static func runAndExit() async -> Never {
        do {
            let command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            // ArgumentParser's own code for wrong usage is 64; here it is 2, like in most tools that people know.
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            await Console().complain(fullMessage(for: error))
            exit(withError: ClientExit.usage)
        }
        exit()
    }
}

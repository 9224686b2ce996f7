import ArgumentParser
import Foundation
import ImportModel
import Operations

/// How the service commands end when they cannot go on: a message that says what to do, and the exit code 1
/// (2 for a configuration that cannot be used).
enum ServiceExit {
    /// Runs `body`; an error becomes a message and an exit code.
    static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as SettingsError {
            throw fail("\(error)", code: 2)
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch is CancellationError {
            throw fail("stopped", code: 1)
        } catch {
            throw fail("\(error)", code: 1)
        }
    }

    private static func fail(_ message: String, code: Int32) -> ExitCode {
        FileHandle.standardError.write(Data("longshore: \(LogRedaction.redact(message))\n".utf8))
        return ExitCode(code)
    }
}

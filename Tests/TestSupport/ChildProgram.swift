package import Foundation
import NIOPosix

/// Programs that are run to their end. Foundation's `Process` crashes when several are started at the same time.
package enum ChildProgram {
    /// Waiting for a child blocks a thread.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 32)
        threads.start()
        return threads
    }()

    /// - Parameters:
    ///   - words: a program, which is looked for in the path, and its arguments.
    ///   - input: a descriptor; `nil`: there is nothing to read.
    ///   - output: a file, which is written to from its end on; `nil`: as this process's own. `errors` likewise.
    /// - Returns: its exit code; of a program that died of a signal 128 and its number, as in a shell.
    package static func run(
        _ words: [String], input: Int32? = nil, output: URL? = nil, errors: URL? = nil
    ) async throws -> Int32 {
        let child = try ServerProcess.spawn(words, input: input, output: output?.path, errors: errors?.path)
        return try await threads.runIfActive {
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
        }
    }
}

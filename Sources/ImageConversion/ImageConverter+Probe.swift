import ChildProcess
import Foundation
import NIOPosix

extension ImageConverter {
    /// What the program says of itself, and why it could reach a network; `nil` where it could not.
    /// - Throws: `ConversionError` where nothing can be converted.
    package func probe() async throws -> (version: String, networkError: String?) {
        let process = try makeProcess(["--version"], descriptors: [])
        let words = try await threads.runIfActive {
            var output = ConverterOutput()
            let exit: LimitedProcess.Exit
            do { exit = try process.run(maxOutput: Self.maxOutput) { output.add($0) } } catch {
                throw ConversionError.machine("images cannot be converted: \(error)")
            }
            let words = output.words()
            guard exit == .code(0) else {
                throw ConversionError.machine("images cannot be converted: \(program) does not run: \(words)")
            }
            return String(words.prefix { $0 != ";" })
        }
        return (words, process.networkError)
    }
}

import ChildProcess
import Foundation
package import NIOPosix

/// Converts images to one format by `qemu-img`, which is told both formats and never left to guess.
///
/// It gets the image and the file for its result as open descriptors, and nothing else of the machine: no environment,
/// no name of a file, no network where that can be had, and limits on memory, processor, output and time. To be given
/// only what an inspection has accepted; what comes out has to be inspected again.
package struct ImageConverter: Sendable {
    /// The format of what comes out, as the Image API calls it.
    package let format: String
    package let limits: ConversionLimits
    private let scratch: String
    let program: String
    let threads: NIOThreadPool

    package static let formats = ["raw", "qcow2", "vmdk"]
    static let sourcePath = "/proc/self/fd/3"
    static let resultPath = "/proc/self/fd/4"
    static let maxOutput = 1 << 20
    /// The program's names of formats that are read.
    private static let readable = [
        "raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vpc", "vpc": "vpc", "vhdx": "vhdx", "vdi": "vdi",
    ]

    /// - Parameters:
    ///   - format: one of `formats`.
    ///   - scratch: a folder for files that have no names.
    ///   - program: `qemu-img`, as an absolute path.
    ///   - threads: running; as many as there are conversions at once, since each takes one for all of its time.
    package init(
        to format: String, limits: ConversionLimits = ConversionLimits(), scratch: String,
        program: String = ImageConverter.installed ?? "/usr/bin/qemu-img", threads: NIOThreadPool
    ) {
        self.format = format
        self.limits = limits
        self.scratch = scratch
        self.program = program
        self.threads = threads
    }

    /// Where `qemu-img` is on this machine, by `PATH`.
    package static var installed: String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin"])
            .filter { $0.hasPrefix("/") }.map { $0 + "/qemu-img" }
            .first(where: FileManager.default.isExecutableFile)
    }

    /// Whether an image is to be converted: a plain disk in another format. Discs, kernels and archives stay as they are.
    package func converts(disk: String?, container: String?) -> Bool {
        container == "bare" && disk != format && disk.map { Self.readable[$0] != nil } == true
    }

    package func makeScratch() async throws -> ScratchFile { try await ScratchFile(in: scratch, threads: threads) }

    /// Converts what an inspection has accepted as an image in this format.
    ///
    /// - Parameter progress: told how far it is, in hundredths, when that or the result has grown.
    /// - Returns: the result, to be inspected.
    /// - Throws: `ConversionError`; `CancellationError`, and then the program has ended.
    package func convert(
        _ source: ScratchFile, from disk: String, progress: @escaping @Sendable (Double) -> Void
    ) async throws -> ScratchFile {
        guard let name = Self.readable[disk] else {
            throw ConversionError.refused("images in the format \(disk) cannot be converted")
        }
        let result = try await makeScratch()
        let process = try makeProcess(
            ["convert", "-p", "-f", name, "-O", format, Self.sourcePath, Self.resultPath],
            descriptors: [source.descriptor, result.descriptor])
        do {
            try await run(process, into: result, progress)
        } catch {
            // It was killed for that.
            try Task.checkCancellation()
            throw error
        }
        let (before, after) = (try await source.sizeBytes(), try await result.sizeBytes())
        try limits.check(source: before, result: after, format)
        return result
    }

    func makeProcess(_ words: [String], descriptors: [CInt]) throws(ConversionError) -> LimitedProcess {
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw .machine("images cannot be converted: there is no \(program); install qemu-utils")
        }
        return LimitedProcess(
            [program] + words,
            limits: ProcessLimits(
                processorSeconds: Int(limits.processorTime.components.seconds), memoryBytes: limits.maxMemoryBytes,
                fileBytes: limits.maxBytes, patience: limits.patience),
            descriptors: descriptors)
    }

    private func run(
        _ process: LimitedProcess, into result: ScratchFile, _ progress: @escaping @Sendable (Double) -> Void
    ) async throws {
        try await withTaskCancellationHandler {
            try await threads.runIfActive {
                var output = ConverterOutput()
                var seen: (percent: Double, growth: Int64) = (-1, -1)
                let exit: LimitedProcess.Exit
                do {
                    exit = try process.run(
                        maxOutput: Self.maxOutput, complaints: { output.add(complaint: $0) }
                    ) { bytes in
                        output.add(bytes)
                        let now = (output.percent, result.growth())
                        if now != seen { progress(output.percent) }
                        seen = now
                    }
                } catch {
                    throw ConversionError.machine("images cannot be converted: \(error)")
                }
                try judge(exit, output.words())
            }
        } onCancel: {
            process.end()
        }
    }
}

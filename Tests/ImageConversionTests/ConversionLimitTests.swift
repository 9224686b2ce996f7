import Foundation
import Glibc
import ImportModel
import TestSupport
import Testing

@testable import ImageConversion

/// What a conversion may not take, and that nothing of it stays.
@Suite struct ConversionLimitTests {
    @Test func `a result that is too large is refused, and the setting is named`() async throws {
        try await ConversionBench.with { bench in
            let error = try await bench.failure(
                of: try bench.image("qcow2"), by: try bench.converter { $0.maxBytes = 2 << 20 })
            #expect(error.isRefusal && error.description.contains("import.convert.max-bytes"), "\(error)")
            // A real file that grows, not one that is made large at once.
            let script = try bench.converter(script: "exec dd if=/dev/zero bs=64k >&4") { $0.maxBytes = 2 << 20 }
            let grown = try await bench.failure(by: script)
            #expect(grown.isRefusal && grown.description.contains("import.convert.max-bytes"), "\(grown)")
        }
    }

    @Test func `a small image whose disk is mostly nothing is refused, and the setting is named`() async throws {
        try await ConversionBench.with { bench in
            let place = bench.folder.path + "/empty"
            try ServerProcess.run(
                "/usr/bin/env", ["qemu-img", "create", "-f", "qcow2", place, "20G"],
                log: bench.folder.appending(path: "qemu-img.log"))
            let empty = Array(try Data(contentsOf: URL(filePath: place)))
            let error = try await bench.failure(of: empty, by: try bench.converter())
            #expect(error.isRefusal && error.description.contains("import.convert.max-ratio"), "\(error)")
            let willing = try bench.converter { $0.maxRatio = 1_000_000 }
            _ = try await willing.convert(try await bench.scratchFile(empty, willing), from: "qcow2") { _ in }
        }
    }

    @Test func `an endless computation is refused`() async throws {
        try await ConversionBench.with { bench in
            let error = try await bench.failure(
                by: try bench.converter(script: "while :; do :; done") { $0.processorTime = .seconds(1) })
            #expect(error.isRefusal && error.description.contains("import.convert.max-cpu"), "\(error)")
        }
    }

    @Test func `more memory than is allowed is refused`() async throws {
        try await ConversionBench.with { bench in
            let error = try await bench.failure(
                of: try bench.image("qcow2"), by: try bench.converter { $0.maxMemoryBytes = 32 << 20 })
            #expect(error.isRefusal && error.description.contains("import.convert.max-memory"), "\(error)")
        }
    }

    @Test func `what takes too long is ended, and may be tried again`() async throws {
        try await ConversionBench.with { bench in
            let place = bench.folder.path + "/pid"
            let error = try await bench.failure(
                by: try bench.converter(script: "echo $$ >\(place); sleep 1000 & wait") { $0.patience = .seconds(1) })
            #expect(error.isPassing && error.description.contains("import.convert.timeout"), "\(error)")
            try await expectEnd(of: place)
        }
    }

    @Test func `a full disk may pass, and a complaint is told as it is`() async throws {
        try await ConversionBench.with { bench in
            func failure(_ script: String) async throws -> ConversionError {
                try await bench.failure(by: try bench.converter(script: script))
            }
            let full = try await failure(
                "echo 'qemu-img: error while writing at byte 0: No space left on device' >&2; exit 1")
            #expect(full.isPassing && full.description.contains("import.scratch"))
            let quoted = try await failure(
                "printf \"qemu-img: no bitmap 'x: No space left on device\\n: File too large': Invalid argument\\n\" >&2; "
                    + "exit 1")
            #expect(quoted.isRefusal && quoted.description.contains("failed"), "\(quoted)")
            let other = try await failure(
                "printf 'qemu-img: /proc/self/fd/3: \\033[1mImage is corrupt\\n' >&2; exit 1")
            #expect(
                other.isRefusal && other.description.contains("failed: the image: [1mImage is corrupt;"), "\(other)")
            #expect(try await failure("kill -SEGV $$").isRefusal)
            #expect(try await failure("kill -KILL $$").isPassing)
            let talk = try await failure("yes")
            #expect(talk.isRefusal && talk.description.contains("stop talking"))
        }
    }

    @Test func `a cancelled conversion ends at once, with everything that it has started`() async throws {
        try await ConversionBench.with { bench in
            let place = bench.folder.path + "/pid"
            let converter = try bench.converter(
                script: "sleep 1000 & echo $$ >\(place).new; mv \(place).new \(place); wait")
            let source = try await bench.scratchFile([1], converter)
            let running = Task { try await converter.convert(source, from: "qcow2") { _ in } }
            try await eventually { FileManager.default.fileExists(atPath: place) }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
            try await expectEnd(of: place)
            // One that is cancelled before it begins starts nothing.
            try FileManager.default.removeItem(atPath: place)
            let late = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await converter.convert(source, from: "qcow2") { _ in }
            }
            await #expect(throws: CancellationError.self) { try await late.value }
            #expect(!FileManager.default.fileExists(atPath: place))
        }
    }

    /// No process is left of the group whose number is in a file.
    private func expectEnd(of place: String) async throws {
        let text = try String(contentsOfFile: place, encoding: .utf8)
        let group = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        // Who was killed with it is collected by others, in their own time.
        try await eventually { kill(-group, 0) != 0 && errno == ESRCH }
    }
}

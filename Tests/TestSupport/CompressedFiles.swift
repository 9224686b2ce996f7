package import Foundation

/// Makes compressed files with the programs that people make them with.
package struct CompressedFiles: Sendable {
    package let folder: URL

    /// - Parameter folder: for what is made, and what it is made of.
    package init(folder: URL) { self.folder = folder }

    package static func with<R>(_ body: (CompressedFiles) async throws -> R) async throws -> R {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(CompressedFiles(folder: folder))
    }

    /// Runs a script of the shell in the folder, with `plain` in the file `disk.raw`, and returns what it printed.
    package func make(_ script: String, of plain: [UInt8] = []) throws -> [UInt8] {
        let work = folder.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        try Data(plain).write(to: work.appending(path: "disk.raw"))
        try ServerProcess.run(
            "/bin/sh", ["-ec", "cd '\(work.path)'; exec 3>made; { \(script); } >&3"],
            log: work.appending(path: "log"))
        return Array(try Data(contentsOf: work.appending(path: "made")))
    }

    /// Half of it can be compressed.
    package static func plain(_ count: Int) -> [UInt8] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { index in
            guard index % 64 < 32 else { return UInt8(truncatingIfNeeded: index >> 9) }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}

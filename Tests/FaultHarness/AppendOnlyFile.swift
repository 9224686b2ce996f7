import Foundation

/// What a Redis has written to its disk.
struct AppendOnlyFile: Sendable {
    /// The file that is written to now; a base file beside it never changes.
    private let file: URL

    /// - Parameter folder: of the server.
    init(of folder: URL) throws {
        let folder = folder.appendingPathComponent("appendonlydir")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasSuffix(".incr.aof")
        }
        guard let name = names.max(by: { $0.compare($1, options: .numeric) == .orderedAscending }) else {
            throw ServiceFailure("there is no append-only file in \(folder.path)")
        }
        file = folder.appendingPathComponent(name)
    }

    /// In bytes.
    var size: UInt64 {
        get throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            return (attributes[.size] as? NSNumber)?.uint64Value ?? 0
        }
    }

    /// Takes away what lies behind `size`.
    func cut(to size: UInt64) throws {
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: size)
        try handle.close()
    }
}

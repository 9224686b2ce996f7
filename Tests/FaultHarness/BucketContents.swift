import Foundation
import ImageStorage
import ImportModel
import NIOFoundationCompat
import NIOPosix
import S3Storage
import TestSupport

/// What a store in a bucket holds, asked of the service itself.
struct BucketContents: StoredObjects {
    private let storage: S3Storage
    private let folder: URL

    /// - Parameter folder: where objects are put when they are asked for, in a folder of this store's own.
    init(_ server: S3Server, prefix: String, folder: URL) throws {
        var configuration = S3Configuration(
            endpoint: server.endpoint, bucket: S3Server.bucket,
            credentials: .fixed(
                S3Credentials(
                    accessKeyID: S3Server.accessKeyID, secretAccessKey: S3Server.secretAccessKey)))
        configuration.prefix = prefix
        configuration.usesPathStyle = true
        guard let id = StoreID(rawValue: "main") else { throw InvalidValue("main is no name of a store") }
        storage = try S3Storage(id: id, configuration: configuration, threads: .singleton)
        self.folder = folder.appendingPathComponent("bucket-\(prefix)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    func close() async { await storage.close() }

    func file(of key: String) async throws -> URL? {
        guard let parsed = ObjectKey(key) else { return nil }
        guard try await storage.size(parsed) != nil else { return nil }
        let file = folder.appendingPathComponent(key.replacing("/", with: "-"))
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        defer { try? handle.close() }  // what was not written is missed by who compares
        for try await bytes in try await storage.read(parsed, range: nil) {
            try handle.write(contentsOf: Data(buffer: bytes))
        }
        return file
    }

    func keys() async throws -> Set<String> { Set(try await everything().map(\.key.description)) }

    /// Uploads that nobody has ended.
    func unfinished() async throws -> [String] {
        try await everything().filter { !$0.isCommitted }.map(\.key.description)
    }

    private func everything() async throws -> [StoredObject] {
        var (all, cursor): ([StoredObject], String?) = ([], nil)
        repeat {
            let page = try await storage.list(after: cursor)
            all += page.objects
            cursor = page.next
        } while cursor != nil
        return all
    }
}

import ImportModel
import NIOPosix
import TestSupport
import Testing

@testable import S3Storage

extension S3Server {
    static let credentials = S3Credentials(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey)

    /// Runs `body` with a store of its own in the service.
    func withStore<R>(
        _ change: (inout S3Configuration) -> Void = { _ in }, _ body: (S3Storage) async throws -> R
    ) async throws -> R {
        var configuration = S3Configuration(
            endpoint: endpoint, bucket: Self.bucket, credentials: .fixed(Self.credentials))
        configuration.prefix = "store-\(Nonce.mint())"
        configuration.usesPathStyle = true
        configuration.retry = RetryPolicy(base: .milliseconds(20), cap: .milliseconds(200))
        change(&configuration)
        return try await withS3(configuration, body)
    }
}

/// Runs `body` with a store that is closed afterwards.
@discardableResult
func withS3<R>(_ configuration: S3Configuration, _ body: (S3Storage) async throws -> R) async throws -> R {
    let id = try #require(StoreID(rawValue: "main"))
    let store = try S3Storage(id: id, configuration: configuration, threads: .singleton)
    let result: Result<R, any Error>
    do { result = .success(try await body(store)) } catch { result = .failure(error) }
    await store.close()
    return try result.get()
}

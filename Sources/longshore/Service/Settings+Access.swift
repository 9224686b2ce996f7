import FilesystemStorage
import ImageStorage
import LeaseStore
import Logging
import NIOPosix
import Operations
import RedisClient
import S3Storage

/// What the doctor needs of a node: Redis and stores for the length of one look, without joining the fleet.
extension Settings {
    /// Runs `body` with the catalog's Redis, and closes the connections.
    func withCatalog<Answer: Sendable>(_ body: (LeaseStore) async throws -> Answer) async throws -> Answer {
        let client = try RedisClient(
            configuration: RedisConfiguration(redis), logger: Logger(label: "longshore.doctor"))
        let result: Result<Answer, any Error>
        do {
            let store = LeaseStore(
                redis: client, keys: try Keys(prefix: redis.prefix), settings: lease, replicas: redis.replicas)
            result = .success(try await body(store))
        } catch {
            result = .failure(error)
        }
        await client.close()
        return try result.get()
    }

    /// Runs `body` with a store, and closes its connections.
    func withStorage<Answer: Sendable>(
        _ place: StoreSettings, _ body: (any ImageStorage) async throws -> Answer
    ) async throws -> Answer {
        switch place.place {
        case .filesystem(let path):
            return try await body(place.closed(FilesystemStorage(id: place.id, root: path, threads: .singleton)))
        case .s3(let s3):
            let storage = try S3Storage(id: place.id, configuration: S3Configuration(s3), threads: .singleton)
            let result: Result<Answer, any Error>
            do { result = .success(try await body(place.closed(storage))) } catch { result = .failure(error) }
            await storage.close()
            return try result.get()
        }
    }
}

extension StoreSettings {
    /// The store as the operator lets it be used.
    func closed(_ storage: any ImageStorage) -> any ImageStorage {
        isReadOnly ? ReadOnlyStorage(storage) : storage
    }
}

import Foundation
import Synchronization

/// Lets those who want the same thing at the same time wait for the one who fetches it.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// `nil`: whoever fetched it was cancelled, or there is nobody to wait for; look again.
    private typealias Ending = Result<Value, any Error>?
    private typealias Waiters = [UUID: CheckedContinuation<Ending, Never>]

    private let flights = Mutex<[Key: Waiters]>([:])
    private let limit: Int

    /// - Parameter limit: so many things may be fetched at once.
    init(limit: Int) { self.limit = limit }

    /// - Throws: what `fetch` throws; `TooManyFlights`; `CancellationError`
    func value(for key: Key, _ fetch: () async throws -> Value) async throws -> Value {
        while true {
            try Task.checkCancellation()
            if try begin(key) {
                let result: Result<Value, any Error>
                do { result = .success(try await fetch()) } catch { result = .failure(error) }
                end(key, Task.isCancelled ? nil : result)
                return try result.get()
            }
            if let result = await ending(of: key) { return try result.get() }
        }
    }

    /// Whether the flight is the caller's.
    private func begin(_ key: Key) throws -> Bool {
        try flights.withLock { flights in
            guard flights[key] == nil else { return false }
            guard flights.count < limit else { throw TooManyFlights() }
            flights[key] = [:]
            return true
        }
    }

    private func end(_ key: Key, _ ending: Ending) {
        let waiters = flights.withLock { $0.removeValue(forKey: key) ?? [:] }
        for waiter in waiters.values { waiter.resume(returning: ending) }
    }

    private func ending(of key: Key) async -> Ending {
        let id = UUID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = flights.withLock { flights in
                    // A cancellation from here on finds the continuation; one before is seen here.
                    guard !Task.isCancelled, flights[key] != nil else { return false }
                    flights[key]?[id] = continuation
                    return true
                }
                if !waits { continuation.resume(returning: nil) }
            }
        } onCancel: {
            flights.withLock { $0[key]?.removeValue(forKey: id) }?.resume(returning: nil)
        }
    }
}

struct TooManyFlights: Error {}

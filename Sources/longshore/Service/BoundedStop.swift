import ServiceLifecycle

/// A service that is cancelled when it has not stopped in time.
struct BoundedStop: Service {
    private let service: any Service
    private let limit: Duration

    init(of service: any Service, within limit: Duration) {
        self.service = service
        self.limit = limit
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: limit)
            }
            // Either the service has ended, or it is told to in earnest.
            let first = await group.nextResult()
            group.cancelAll()
            while await group.nextResult() != nil {}
            try first?.get()
        }
    }
}

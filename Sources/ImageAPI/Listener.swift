import Hummingbird
package import NIOCore
import ServiceLifecycle

/// The service cannot listen where it should.
package struct ListeningFailed: Error {
    package let host: String
    package let port: Int
    package let cause: IOError
}

/// One of the addresses that the service listens on.
struct Listener<Application: ApplicationProtocol>: Service {
    let host: String
    let port: Int
    let application: Application

    func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListeningFailed(host: host, port: port, cause: error)
        }
    }
}

package import TestSupport
package import Testing

extension S3Server {
    /// The service that a suite has to itself.
    @TaskLocal package static var current: S3Server?
}

/// Gives a suite a service for all of its tests.
package struct S3ServerTrait: SuiteTrait, TestScoping {
    let kind: S3Server.Kind

    @concurrent package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let server = try await S3Server.start(kind)
        defer { server.stop() }
        try await S3Server.$current.withValue(server) { try await function() }
    }
}

extension Trait where Self == S3ServerTrait {
    package static func service(_ kind: S3Server.Kind) -> S3ServerTrait { S3ServerTrait(kind: kind) }
}

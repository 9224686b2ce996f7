package import Foundation

/// Polls until the condition holds; for what gives no signal to wait for.
/// - Throws: `EventuallyError` when it does not hold in time; what the condition throws.
package func eventually(
    within limit: Duration = .seconds(10), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < deadline else { throw EventuallyError("the condition did not hold within \(limit)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Something did not come in time.
package struct EventuallyError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A new, empty folder with a path that is short enough for a unix socket in it. The caller removes it.
package func temporaryDirectory() throws -> URL {
    var template = Array("/tmp/longshore.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ServerProcessError(what: "mkdtemp", code: errno) }
    let path = template.withUnsafeBufferPointer { characters in
        String(decoding: characters.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return URL(fileURLWithPath: path, isDirectory: true)
}

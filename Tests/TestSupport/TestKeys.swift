package import Foundation

/// Keys made by `gpg` in a folder of their own.
package struct TestKeys: Sendable {
    package let folder: URL
    package let keyring: String
    package let fingerprint: String
    private let daysAgo: Int

    package init(in folder: URL, daysAgo: Int, expires: String) throws {
        self.folder = folder
        self.daysAgo = daysAgo
        keyring = folder.appending(path: "keys.gpg").path
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
        let name = "A Publisher <them@example.org>"
        try Self.gpg(folder, daysAgo, ["--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", expires])
        try Self.gpg(folder, daysAgo, ["--output", keyring, "--export"])
        // Each key's revocation is in a file of its fingerprint's name.
        let revocations = try FileManager.default.contentsOfDirectory(
            atPath: folder.appending(path: "openpgp-revocs.d").path)
        guard let revocation = revocations.first else { throw CocoaError(.fileNoSuchFile) }
        fingerprint = revocation.replacing(".rev", with: "")
    }

    package func detached(_ text: [UInt8], _ options: [String] = []) throws -> [UInt8] {
        try made("--detach-sign", text, options)
    }
    package func clearsigned(_ text: [UInt8]) throws -> [UInt8] { try made("--clearsign", text, []) }
    package func signed(_ text: [UInt8]) throws -> [UInt8] { try made("--sign", text, []) }

    /// A script in the place of `gpgv`.
    package func program(_ work: String) throws -> String {
        let path = file("program-\(UUID().uuidString)")
        try "#!/bin/sh\n\(work)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    /// Ends the agent that `gpg` has started.
    package func close() throws { try Self.run(folder, ["gpgconf", "--homedir", folder.path, "--kill", "all"]) }

    private func made(_ how: String, _ text: [UInt8], _ options: [String]) throws -> [UInt8] {
        let (input, output) = (file(UUID().uuidString), file(UUID().uuidString))
        try Data(text).write(to: URL(filePath: input))
        try Self.gpg(folder, daysAgo, options + ["--output", output, how, input])
        return Array(try Data(contentsOf: URL(filePath: output)))
    }

    private static func gpg(_ folder: URL, _ daysAgo: Int, _ arguments: [String]) throws {
        let time = Int(Date().timeIntervalSince1970) - daysAgo * 86400
        let words = ["gpg", "--homedir", folder.path, "--batch", "--quiet", "--faked-system-time", "\(time)"]
        try run(folder, words + arguments)
    }

    private static func run(_ folder: URL, _ words: [String]) throws {
        try ServerProcess.run("/usr/bin/env", words, log: folder.appending(path: "gpg.log"))
    }

    private func file(_ name: String) -> String { folder.appending(path: name).path }
}

/// Makes keys, uses them, and takes them away with what `gpg` has started.
package func withKeys(
    daysAgo: Int = 0, expires: String = "never", _ body: (TestKeys) async throws -> Void
) async throws {
    let folder = try temporaryDirectory()
    let keys = try TestKeys(in: folder, daysAgo: daysAgo, expires: expires)
    let result: Result<Void, any Error>
    do { result = .success(try await body(keys)) } catch { result = .failure(error) }
    try keys.close()
    // Not by `FileManager`, which an agent disturbs that takes its own sockets away meanwhile.
    try ServerProcess.run("/usr/bin/env", ["rm", "-rf", folder.path], log: URL(filePath: "/dev/null"))
    try result.get()
}

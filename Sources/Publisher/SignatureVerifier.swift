import ChildProcess
import Foundation
import NIOPosix

/// Believes a text when a key of a given keyring has signed it.
///
/// The work is done by `gpgv`, in a private folder that goes afterwards, with limits of time, memory and output, without
/// an environment, and without any other key or setting of the machine.
package struct SignatureVerifier: Sendable {
    /// What was signed, and by which keys.
    package struct Signed: Hashable, Sendable {
        package let text: [UInt8]
        /// Fingerprints of primary keys.
        package let signers: [String]
    }

    /// Files of keys by the names that requests may use.
    private let keyrings: [String: String]
    private let program: String
    private let patience: Duration

    static let maxBytes = 1 << 20
    private static let maxOutput = 1 << 18

    private static func limits(_ patience: Duration) -> ProcessLimits {
        ProcessLimits(processorSeconds: 10, memoryBytes: 1 << 30, fileBytes: 2 << 20, patience: patience)
    }

    /// - Parameters:
    ///   - keyrings: files as `gpg --export` writes them, by name.
    ///   - program: `gpgv`, as an absolute path.
    ///   - patience: how long one look at a signature may take.
    package init(
        keyrings: [String: String], program: String = SignatureVerifier.installed ?? "/usr/bin/gpgv",
        patience: Duration = .seconds(20)
    ) {
        self.keyrings = keyrings
        self.program = program
        self.patience = patience
    }

    /// Where `gpgv` is on this machine.
    package static var installed: String? {
        ["/usr/bin/gpgv", "/usr/local/bin/gpgv", "/bin/gpgv"].first(where: FileManager.default.isExecutableFile)
    }

    /// - Throws: `PublisherError.machine` where there is no such keyring here; nothing needs to be fetched then.
    package func check(_ keyring: String) throws(PublisherError) { _ = try path(of: keyring) }

    /// - Parameters:
    ///   - bytes: a text with its signature in it, or what `signature` is the signature of.
    ///   - signature: in a file of its own, if it is.
    ///   - url: for messages; redacted.
    /// - Returns: only what was signed, whatever else stands around it.
    /// - Throws: `PublisherError`; `CancellationError`.
    package func verify(_ bytes: [UInt8], signature: [UInt8]?, by keyring: String, url: String) async throws -> Signed {
        let path = try path(of: keyring)
        // Not a thread of a pool that others need: a hostile signature may take all of the time that it is given.
        return try await NIOThreadPool.singleton.runIfActive {
            try requireFiles(path, keyring)
            let folder = try PrivateFolder()
            defer { folder.remove() }
            try folder.write(bytes, to: "message")
            if let signature { try folder.write(signature, to: "signature") }
            var arguments = [
                program, "--homedir", folder.path, "--keyring", path, "--status-fd", "1", "--weak-digest", "SHA1",
                "--quiet",
            ]
            arguments +=
                signature == nil
                ? ["--output", folder.file("text"), folder.file("message")]
                : [folder.file("signature"), folder.file("message")]
            var output: [UInt8] = []
            let exit: LimitedProcess.Exit
            do {
                let limits = Self.limits(patience)
                exit = try LimitedProcess(arguments, limits: limits).run(maxOutput: Self.maxOutput) { output += $0 }
            } catch {
                throw PublisherError.machine("\(error)")
            }
            let verdict = SignatureVerdict(output, exit: exit, isDetached: signature != nil)
            let signers = try verdict.signers(keyring: keyring, url: url)
            let text = signature == nil ? try folder.read("text", atMost: Self.maxBytes) : bytes
            return Signed(text: text, signers: signers)
        }
    }

    private func path(of keyring: String) throws(PublisherError) -> String {
        guard let path = keyrings[keyring] else {
            throw .machine(
                "this worker has no keyring '\(keyring)'; add it to import.keyrings, or start a worker that has it")
        }
        return path
    }

    private func requireFiles(_ path: String, _ keyring: String) throws(PublisherError) {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw .machine("the keyring '\(keyring)' cannot be read from \(path); bring the file back")
        }
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw .machine("signatures cannot be verified: there is no \(program); install gpgv")
        }
    }
}

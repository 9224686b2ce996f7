import Foundation
import Synchronization

/// A real Keystone on loopback, with the users and projects of `Tests/Keystone/serve`.
package final class KeystoneServer: Sendable {
    /// The root of its API v3.
    package let url: String
    private let folder: URL
    private let process: Mutex<ServerProcess>

    /// Returns once it answers.
    package static func start() async throws -> KeystoneServer {
        let prepared = try await prepared.value
        let folder = try temporaryDirectory()
        do {
            for name in ["keystone.db", "fernet", "place"] {
                try FileManager.default.copyItem(
                    at: prepared.appendingPathComponent(name), to: folder.appendingPathComponent(name))
            }
            let process = try launch(folder, [])
            do {
                return KeystoneServer(url: try await address(folder, process), folder: folder, process: process)
            } catch {
                process.kill()
                throw error
            }
        } catch {
            try? FileManager.default.removeItem(at: folder)  // the system's own cleaning does it else
            throw error
        }
    }

    /// A folder with a database, which takes long to make and is made once for a checkout, and again for another script.
    private static let prepared = Task {
        let place = root.appendingPathComponent(".build/keystone-of-tests")
        let made = place.appendingPathComponent("made-by")
        let maker = try Data(contentsOf: URL(fileURLWithPath: script("serve")))
        if (try? Data(contentsOf: made)) == maker { return place }
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // the system's own cleaning does it else
        let process = try launch(folder, [])
        do { _ = try await address(folder, process) } catch {
            process.kill()
            throw error
        }
        process.kill()
        try? FileManager.default.removeItem(at: place)  // there may be none
        try FileManager.default.copyItem(at: folder, to: place)
        // Written last: without it the folder is not used.
        try maker.write(to: made)
        return place
    }

    private init(url: String, folder: URL, process: ServerProcess) {
        self.url = url
        self.folder = folder
        self.process = Mutex(process)
    }

    /// Ends it; what it had written stays.
    package func kill() { process.withLock { $0.kill() } }

    /// Starts it again in the same place; returns once it answers.
    /// - Parameter expiration: how many seconds its tokens last from now on.
    package func restart(expiration: Int = 3600) async throws {
        kill()
        try FileManager.default.removeItem(at: folder.appendingPathComponent("ready"))
        let port = URLComponents(string: url)?.port ?? 0
        let new = try Self.launch(folder, ["--port", "\(port)", "--expiration", "\(expiration)"])
        process.withLock { $0 = new }
        _ = try await Self.address(folder, new)
    }

    /// Stops or continues the process, for what a Keystone looks like that hangs.
    package func suspend() { process.withLock { $0.signal(SIGSTOP) } }
    package func resume() { process.withLock { $0.signal(SIGCONT) } }

    /// Ends it and removes its folder.
    package func stop() {
        kill()
        try? FileManager.default.removeItem(at: folder)  // a second time there is nothing to remove
    }

    /// Of any of its users.
    package static func password(of user: String) -> String { "secret of \(user)" }

    /// A file that holds that.
    package func passwordFile(of user: String) throws -> String {
        let file = folder.appendingPathComponent("password-of-\(user)")
        try Data("\(Self.password(of: user))\n".utf8).write(to: file)
        return file.path
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The Python that has what `Tests/requirements.txt` names.
    package static let python = root.appendingPathComponent(".venv/bin/python").path

    /// A script of `Tests/Keystone`.
    package static func script(_ name: String) -> String { root.appendingPathComponent("Tests/Keystone/\(name)").path }

    private static func launch(_ folder: URL, _ options: [String]) throws -> ServerProcess {
        try ServerProcess(
            python, [script("serve"), folder.path] + options, log: folder.appendingPathComponent("log"), folder: folder)
    }

    private static func address(_ folder: URL, _ process: ServerProcess) async throws -> String {
        // Making the database takes its time on a busy machine.
        try await eventually(within: .seconds(600)) {
            guard !process.hasExited else {
                let log = try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
                throw KeystoneStartError(log: String((log ?? "no log").suffix(2000)))
            }
            return FileManager.default.fileExists(atPath: folder.appendingPathComponent("ready").path)
        }
        return try String(contentsOf: folder.appendingPathComponent("ready"), encoding: .utf8)
    }
}

package struct KeystoneStartError: Error, CustomStringConvertible {
    let log: String

    package var description: String { "Keystone did not come up (has `make dependencies` been run?): \(log)" }
}

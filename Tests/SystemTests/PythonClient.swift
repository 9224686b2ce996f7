import FaultHarness
import Foundation
import ImportModel

/// One of the clients, told where the service is.
struct PythonClient: Sendable {
    let program: String
    let options: [String]
    let home: URL

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../.venv/bin").standardized

    static func openstack(_ service: Standalone) -> PythonClient { openstack(service.client, home: service.folder) }
    static func glance(_ service: Standalone) -> PythonClient { glance(service.client, home: service.folder) }

    /// - Parameter home: the client's home folder.
    static func openstack(_ client: FleetClient, home: URL) -> PythonClient {
        let options = ["--os-auth-type", "none", "--os-endpoint", client.endpoint]
        return PythonClient(program: folder.appendingPathComponent("openstack").path, options: options, home: home)
    }

    static func glance(_ client: FleetClient, home: URL) -> PythonClient {
        let options = ["--os-image-url", client.endpoint, "--os-auth-token", "none"]
        return PythonClient(program: folder.appendingPathComponent("glance").path, options: options, home: home)
    }

    /// A script that needs no more than the addresses.
    static func sdk(_ service: Standalone) -> PythonClient {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Clients/sdk.py").standardized
        return PythonClient(
            program: folder.appendingPathComponent("python").path, options: [script.path], home: service.folder)
    }

    func attempt(_ arguments: [String]) async throws -> Program.Ending {
        guard FileManager.default.fileExists(atPath: program) else {
            throw ServiceFailure("\(program) is missing: run 'deploy/install-dependencies --tests'")
        }
        return try await Program.run(
            program, options + arguments, environment: ["HOME": home.path, "COLUMNS": "200"], input: .terminal)
    }

    func run(_ arguments: [String]) async throws -> String {
        let ending = try await attempt(arguments)
        guard ending.code == 0 else {
            throw ServiceFailure(
                "\(program) \(arguments.joined(separator: " ")): \(ending.code) \(ending.complaint.suffix(1500)) \(ending.output)"
            )
        }
        return ending.output
    }

    func json(_ arguments: [String]) async throws -> [String: Any] {
        let output = try await run(arguments)
        guard let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] else {
            throw ServiceFailure("no JSON object: \(output)")
        }
        return object
    }

    /// The id in a table that the glance client prints.
    func id(of table: String) throws -> ImageID {
        guard let match = table.firstMatch(of: /\| id +\| ([0-9a-f-]{36})/) else {
            throw ServiceFailure("no id in \(table)")
        }
        return try ImageID(text: String(match.output.1))
    }
}

extension ImageID {
    /// An id as a client prints it.
    init(text: Any?) throws {
        guard let text = text as? String, let id = ImageID(rawValue: text) else {
            throw ServiceFailure("no image id: \(text ?? "nothing")")
        }
        self = id
    }
}

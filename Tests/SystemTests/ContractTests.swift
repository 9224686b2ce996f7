import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    /// The OpenAPI document, by programs that know nothing of this project but what is in it.
    @Suite struct ContractTests {
        private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("..").standardized

        @Test("whatever is asked, the answers are what the OpenAPI document and the schemas say")
        func asPromised() async throws {
            try await Standalone.run { service in
                let (images, tasks) = try await populate(service)
                let document = try await service.client.send(.GET, "/longshore/v1/openapi.json")
                let file = service.folder.appendingPathComponent("openapi.json")
                try document.body.write(to: file)
                let valid = try await python("openapi-spec-validator", [file.path])
                #expect(valid.code == 0, "\(valid.output)\(valid.complaint)")

                let asked = try await python(
                    "schemathesis",
                    [
                        "run", file.path, "--url", service.client.endpoint, "--seed", "1",
                        "--max-examples", String(12 * Scale.factor), "--generation-database", "none",
                        "--suppress-health-check", "all", "--no-color", "--continue-on-failure",
                        // Answers without end are no answers to it.
                        "--exclude-path", "/longshore/v1/events", "--header", "Accept: application/json", "--checks",
                        [
                            "not_a_server_error", "status_code_conformance", "content_type_conformance",
                            "response_headers_conformance", "response_schema_conformance", "unsupported_method",
                            "allow_header_conformance",
                        ].joined(separator: ","),
                    ],
                    environment: [
                        "SCHEMATHESIS_HOOKS": Self.tests.appendingPathComponent("Contract/hooks.py").path,
                        "KNOWN_IMAGES": images.map(\.rawValue).joined(separator: ","),
                        "KNOWN_TASKS": tasks.map(\.rawValue).joined(separator: ","),
                        "KNOWN_SOURCES": [SourceImage(seed: 31, mib: 1), SourceImage(seed: 32, bytes: 1000)]
                            .map { service.source.url($0) }.joined(separator: ","),
                    ])
                #expect(asked.code == 0, "\(asked.output.suffix(8000))\(asked.complaint.suffix(2000))")
                let count = try operations(document) - 1
                #expect(asked.output.contains("Tested: \(count)\n"), "\(asked.output.suffix(2000))")

                // Images that nobody would have thought of are there by now, beside the first ones.
                let seen = try await python(
                    "python",
                    [Self.tests.appendingPathComponent("Contract/documents.py").path, service.client.endpoint])
                #expect(seen.code == 0, "\(seen.complaint.suffix(4000))")
                #expect((Int(seen.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) > images.count)
            }
        }

        /// Images in every state that lasts, which cannot be deleted, and tasks of every end.
        private func populate(_ service: Standalone) async throws -> ([ImageID], [TaskID]) {
            let client = service.client
            func expect(_ status: Int, _ answer: FleetClient.Answer) throws {
                guard answer.status == status else { throw ServiceFailure("\(answer.status): \(answer.text)") }
            }
            let good = SourceImage(seed: 31, mib: 1)
            let active = try await client.beginImport(service.source.url(good), name: "active")
            let inactive = try await client.beginImport(service.source.url(good), name: "inactive")
            let failed = try await client.create("failed")
            try expect(
                202,
                try await client.requestImport(
                    failed, service.source.url(good), checksum: "md5:" + String(repeating: "0", count: 32)))
            try await client.wait(for: [active, inactive])
            try await eventually { try await client.task(of: failed).state == .failure }
            try expect(204, try await client.send(.POST, "/v2/images/\(inactive)/actions/deactivate"))
            let staged = try await client.create("staged")
            try expect(
                204,
                try await client.send(
                    .PUT, "/v2/images/\(staged)/stage", headers: [("Content-Type", "application/octet-stream")],
                    body: good.bytes))
            let shared = try await client.create("shared")
            try expect(
                200, try await client.send(.POST, "/v2/images/\(shared)/members", json: #"{"member": "friend"}"#))
            let images = [active, inactive, failed, staged, shared]
            for image in images {
                try expect(
                    200,
                    try await client.send(
                        .PATCH, "/v2/images/\(image)",
                        headers: [("Content-Type", "application/openstack-images-v2.1-json-patch")],
                        body: Data(#"[{"op": "replace", "path": "/protected", "value": true}]"#.utf8)))
            }
            var tasks: [TaskID] = []
            for image in [active, failed, staged] { tasks += try await client.tasks(of: image).map(\.id) }
            return (images, tasks)
        }

        private func operations(_ document: FleetClient.Answer) throws -> Int {
            let object = try JSONSerialization.jsonObject(with: document.body) as? [String: Any]
            let paths = object?["paths"] as? [String: [String: Any]] ?? [:]
            return paths.values.reduce(0) { $0 + $1.keys.count { $0 != "parameters" } }
        }

        private func python(
            _ program: String, _ arguments: [String], environment: [String: String] = [:]
        ) async throws -> Program.Ending {
            let path = Self.tests.appendingPathComponent("../.venv/bin/\(program)").standardized.path
            guard FileManager.default.fileExists(atPath: path) else {
                throw ServiceFailure("\(path) is missing: run 'deploy/install-dependencies --tests'")
            }
            return try await Program.run(path, arguments, environment: environment, limit: 300)
        }
    }
}

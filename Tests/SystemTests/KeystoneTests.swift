import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    /// A real Keystone and the clients as they come from PyPI, as an administrator, a member and a reader of one
    /// project, a member of another, and somebody whose token nobody gave out.
    @Suite struct KeystoneTests {
        /// What openstacksdk gets for each verb of `Tests/Keystone/verbs`, as admin, member, reader, other and nobody.
        /// The rules are those of docs/identity.md; 404 is for what may not be seen.
        private static let outcomes: [String: [String]] = [
            "list": ["ok", "ok", "ok", "ok", "401"],
            "create": ["ok", "ok", "403", "ok", "401"],
            "show": ["ok", "ok", "ok", "404", "401"],
            "show public": ["ok", "ok", "ok", "ok", "401"],
            "show shared": ["ok", "ok", "ok", "ok", "401"],
            "show community": ["ok", "ok", "ok", "ok", "401"],
            "update": ["ok", "ok", "403", "404", "401"],
            "update public": ["ok", "ok", "403", "403", "401"],
            "publicize": ["ok", "403", "403", "404", "401"],
            "communitize": ["ok", "ok", "403", "404", "401"],
            "add tag": ["ok", "ok", "403", "404", "401"],
            "stage": ["ok", "ok", "403", "404", "401"],
            "import": ["ok", "ok", "403", "404", "401"],
            "upload": ["ok", "ok", "403", "404", "401"],
            "download": ["ok", "ok", "403", "404", "401"],
            "download community": ["ok", "ok", "403", "ok", "401"],
            "deactivate": ["ok", "ok", "403", "404", "401"],
            "reactivate": ["ok", "ok", "403", "404", "401"],
            "share": ["ok", "ok", "403", "404", "401"],
            "members": ["ok", "ok", "ok", "ok", "401"],
            "accept": ["ok", "403", "403", "ok", "401"],
            "unshare": ["ok", "ok", "403", "403", "401"],
            "image tasks": ["ok", "ok", "ok", "404", "401"],
            "all tasks": ["ok", "403", "403", "403", "401"],
            "stores": ["ok", "ok", "ok", "ok", "401"],
            "stores detail": ["ok", "403", "403", "403", "401"],
            "import info": ["ok", "ok", "ok", "ok", "401"],
            "schema": ["ok", "ok", "ok", "ok", "401"],
            "delete": ["ok", "ok", "403", "404", "401"],
            "delete public": ["ok", "ok", "403", "403", "401"],
        ]
        private static let callers = ["admin", "member", "reader", "other", "nobody"]

        @Test("each caller gets from openstacksdk, openstack, glance and longshore what the policy gives him")
        func clients() async throws {
            try await Self.run { keystone, service in
                try await Self.publish(service, in: keystone)
                try await verbs(keystone, service)
                try await commands(keystone, service)
                try await ownClient(keystone, service)
                let refused = try await service.client.send(.GET, "/v2/images")
                #expect(refused.status == 401)
                #expect(refused.headers.first(name: "WWW-Authenticate") == "Keystone uri=\"\(keystone.url)\"")
                for scope in [#""domain": {"id": "default"}"#, #""system": {"all": true}"#] {
                    let token = try await Self.token(keystone, "admin", scope: scope)
                    let images = try await service.client.send(.GET, "/v2/images", headers: [("X-Auth-Token", token)])
                    #expect(images.status == 403 && images.text.contains("scoped to a project"), "\(images.text)")
                    let queue = try await service.client.send(
                        .GET, "/longshore/v1/queue", headers: [("X-Auth-Token", token)])
                    #expect(queue.status == (scope.contains("system") ? 200 : 403), "\(queue.text)")
                }
                // Nothing that is secret is in the log.
                let log = service.process.text
                #expect(!log.contains(KeystoneServer.password(of: "longshore")) && !log.contains("gAAAA"))
            }
        }

        private func verbs(_ keystone: KeystoneServer, _ service: Standalone) async throws {
            let image = SourceImage(seed: 31, mib: 1)
            let ending = try await Program.run(
                KeystoneServer.python,
                [
                    KeystoneServer.script("verbs"), keystone.url, service.client.endpoint, service.source.url(image),
                ], environment: ["HOME": service.folder.path], limit: 600)
            #expect(ending.code == 0, "\(ending.complaint.suffix(3000))")
            let seen = try JSONDecoder().decode([String: [String: String]].self, from: Data(ending.output.utf8))
            #expect(Set(seen.keys) == Set(Self.outcomes.keys))
            for (verb, outcome) in Self.outcomes.sorted(by: { $0.key < $1.key }) {
                #expect(Self.callers.map { seen[verb]?[$0] ?? "-" } == outcome, "\(verb)")
            }
        }

        /// The command lines, as each user, by the catalogue.
        private func commands(_ keystone: KeystoneServer, _ service: Standalone) async throws {
            func run(_ program: String, _ user: String, _ words: [String]) async throws -> Program.Ending {
                let project = ["admin": "admin", "other": "other"][user] ?? "team"
                return try await Program.run(
                    URL(fileURLWithPath: KeystoneServer.python).deletingLastPathComponent()
                        .appendingPathComponent(program).path,
                    words,
                    environment: Self.environment(keystone, user, project).merging(
                        ["HOME": service.folder.path, "COLUMNS": "200"]) { $1 },
                    input: .terminal)
            }
            let formats = ["--disk-format", "raw", "--container-format", "bare"]
            for (program, create, list, delete) in [
                ("openstack", ["image", "create"], ["image", "list"], ["image", "delete"]),
                ("glance", ["image-create", "--name"], ["image-list"], ["image-delete"]),
            ] {
                let name = "by-\(program)"
                let created = try await run(program, "member", create + [name] + formats)
                #expect(created.code == 0, "\(created.complaint)")
                let id = try #require(created.output.firstMatch(of: /\| id +\| ([0-9a-f-]{36})/)).output.1
                for user in ["admin", "member", "reader", "other"] {
                    let listed = try await run(program, user, list)
                    #expect(listed.code == 0, "\(program) \(user): \(listed.complaint)")
                    #expect(listed.output.contains(name) == (user != "other"), "\(program) \(user)")
                }
                // What each client makes of 403 and 404; openstack has this to say of an image that is not there.
                let words =
                    program == "openstack"
                    ? ["reader": "delete_image", "other": "Multi Backend support not enabled"]
                    : ["reader": "not permitted to delete", "other": "No image with an ID"]
                for (user, word) in words {
                    let refused = try await run(program, user, delete + [String(id)])
                    let text = refused.complaint + refused.output
                    #expect(refused.code != 0 && !text.contains("Traceback"), "\(text)")
                    #expect(text.contains(word), "\(program) \(user): \(text)")
                }
                let deleted = try await run(program, "member", delete + [String(id)])
                #expect(deleted.code == 0, "\(deleted.complaint)")
                let nobody = try await run(program, "nobody", list)
                #expect(nobody.code != 0)
            }
        }

        /// `longshore` with the variables of OpenStack's clients: it logs in, and finds the service in the catalogue.
        private func ownClient(_ keystone: KeystoneServer, _ service: Standalone) async throws {
            func longshore(_ user: String, _ words: [String], _ more: [String: String] = [:]) async throws
                -> Program.Ending
            {
                let project = user == "admin" ? "admin" : "team"
                return try await Program.run(
                    Program.longshore, words,
                    environment: Self.environment(keystone, user, project).merging(more) { $1 })
            }
            let image = SourceImage(seed: 32, mib: 1)
            let imported = try await longshore(
                "member", ["import", "--name", "mine", "--disk-format", "raw", "--wait", service.source.url(image)])
            #expect(imported.code == 0, "\(imported.complaint)")
            let listed = try await longshore("reader", ["images"])
            #expect(listed.code == 0 && listed.output.contains("mine"), "\(listed.complaint)")
            let refused = try await longshore("reader", ["workers"])
            #expect(refused.code == 1 && refused.complaint.contains("fleet:get_workers"), "\(refused.complaint)")
            let workers = try await longshore("admin", ["workers"])
            #expect(workers.code == 0 && workers.output.contains("standalone"), "\(workers.complaint)")
            let wrong = try await longshore("member", ["images"], ["OS_PASSWORD": "wrong-hunter2"])
            #expect(wrong.code == 1 && wrong.complaint.contains("password"), "\(wrong.complaint)")
            #expect(!wrong.complaint.contains("hunter2"))
            let region = try await longshore("member", ["images"], ["OS_REGION_NAME": "nowhere"])
            #expect(region.code == 1 && region.complaint.contains("in region nowhere"), "\(region.complaint)")
            // Of the tenants of the queue the project is one.
            let token = try await Self.token(keystone, "member")
            let task = try await service.client.send(
                .GET, "/longshore/v1/tasks?limit=1", headers: [("X-Auth-Token", token)])
            let owner = try await Self.projectID(keystone, "team")
            #expect(task.text.contains(#""owner":"\#(owner)""#), "\(task.text)")
        }

        @Test("revoked, expired and unknown tokens, and a Keystone that is away, hangs, or does not know the service")
        func badDays() async throws {
            try await Self.run(cacheTime: "1s") { keystone, service in
                func list(_ token: String) async throws -> FleetClient.Answer {
                    try await service.client.send(.GET, "/v2/images", headers: [("X-Auth-Token", token)])
                }
                let revoked = try await Self.token(keystone, "member")
                #expect(try await list(revoked).status == 200)
                let revocation = try await FleetClient(endpoint: keystone.url).send(
                    .DELETE, "/auth/tokens", headers: [("X-Auth-Token", revoked), ("X-Subject-Token", revoked)])
                #expect(revocation.status == 204)
                try await eventually { try await list(revoked).status == 401 }
                #expect(try await list("gAAAA-rubbish").status == 401)

                let token = try await Self.token(keystone, "member")
                #expect(try await list(token).status == 200)
                keystone.suspend()
                // As long as it is remembered it is good; then nobody can tell.
                try await eventually(within: .seconds(60)) { try await list(token).status == 503 }
                keystone.resume()
                try await eventually(within: .seconds(60)) { try await list(token).status == 200 }
                keystone.kill()
                try await eventually(within: .seconds(60)) {
                    let answer = try await list(token)
                    return answer.status == 503 && answer.headers.contains(name: "Retry-After")
                }
                try await service.process.logged("does not answer")

                // Tokens that do not last, the service's own among them.
                try await keystone.restart(expiration: 4)
                let short = try await Self.token(keystone, "member")
                #expect([200, 401].contains(try await list(short).status))
                try await eventually(within: .seconds(60)) { try await list(short).status == 401 }
                try await eventually(within: .seconds(60)) {
                    try await list(try await Self.token(keystone, "member")).status == 200
                }
                try await keystone.restart()
                #expect(try await list(try await Self.token(keystone, "member")).status == 200)
                try await wrongService(keystone, service)
            }
        }

        /// A service whose own user Keystone does not know, or that may not check tokens.
        private func wrongService(_ keystone: KeystoneServer, _ service: Standalone) async throws {
            for (user, password, word) in [
                ("longshore", "wrong-hunter2", "password"),
                ("powerless", KeystoneServer.password(of: "powerless"), "'service'"),
            ] {
                var settings = try Self.settings(keystone)
                settings.removeAll { $0.hasPrefix("keystone.username") || $0.hasPrefix("keystone.password") }
                settings += ["keystone.username=\(user)", "keystone.password=\(password)"]
                try await Standalone.run(Fleet.quick + settings) { wrong in
                    let line = try await wrong.process.logged("tokens cannot be checked")
                    #expect(line.level == "error" && line.text.contains(word) && !line.text.contains("hunter2"))
                    let answer = try await wrong.client.send(
                        .GET, "/v2/images", headers: [("X-Auth-Token", try await Self.token(keystone, "member"))])
                    #expect(answer.status == 503, "\(answer.text)")
                    #expect(!answer.text.contains("password"))
                }
                let doctor = try await Program.run(
                    Program.longshore,
                    ["doctor", "--redis-url", "unix://\(service.folder.path)/data/redis/redis.sock"]
                        + settings.flatMap { ["--set", $0] })
                #expect(doctor.code == 1)
                let row = doctor.output.split(separator: "\n").first { $0.contains("identity") } ?? ""
                #expect(row.contains("failure") && row.contains(word), "\(doctor.output)")
            }
            let well = try await Program.run(
                Program.longshore,
                ["doctor", "--redis-url", "unix://\(service.folder.path)/data/redis/redis.sock"]
                    + (try Self.settings(keystone)).flatMap { ["--set", $0] })
            #expect(well.output.contains("lets us check tokens"), "\(well.output)")
        }

        private static func run(
            cacheTime: String = "60s", _ body: (KeystoneServer, Standalone) async throws -> Void
        ) async throws {
            let keystone = try await KeystoneServer.start()
            defer { keystone.stop() }
            let settings = try settings(keystone) + ["keystone.cache-time=\(cacheTime)"]
            try await Standalone.run(Fleet.quick + settings) { try await body(keystone, $0) }
        }

        private static func settings(_ keystone: KeystoneServer) throws -> [String] {
            [
                "api.identity=keystone", "keystone.auth-url=\(keystone.url)", "keystone.username=longshore",
                "keystone.password-file=\(try keystone.passwordFile(of: "longshore"))", "keystone.timeout=3s",
            ]
        }

        private static func environment(
            _ keystone: KeystoneServer, _ user: String, _ project: String
        ) -> [String: String] {
            [
                "OS_AUTH_URL": keystone.url, "OS_USERNAME": user, "OS_PASSWORD": KeystoneServer.password(of: user),
                "OS_PROJECT_NAME": project, "OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default",
                "OS_REGION_NAME": "one", "OS_IDENTITY_API_VERSION": "3",
            ]
        }

        private static func token(
            _ keystone: KeystoneServer, _ user: String,
            scope: String = #""project": {"name": "team", "domain": {"id": "default"}}"#
        ) async throws -> String {
            let password = KeystoneServer.password(of: user)
            let answer = try await FleetClient(endpoint: keystone.url).send(
                .POST, "/auth/tokens",
                json: """
                    {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "\(user)",
                    "domain": {"id": "default"}, "password": "\(password)"}}}, "scope": {\(scope)}}}
                    """)
            return try #require(answer.headers.first(name: "X-Subject-Token"), "\(answer.text)")
        }

        private struct Listing: Decodable {
            struct Entry: Decodable {
                let id: String
                let name: String?
            }
            let services: [Entry]?
            let projects: [Entry]?
        }

        private static func asAdministrator(
            _ keystone: KeystoneServer, _ method: HTTPMethod, _ path: String, json: String? = nil
        ) async throws -> FleetClient.Answer {
            let token = try await token(keystone, "admin", scope: #""system": {"all": true}"#)
            return try await FleetClient(endpoint: keystone.url).send(
                method, path, json: json, headers: [("X-Auth-Token", token)])
        }

        private static func projectID(_ keystone: KeystoneServer, _ name: String) async throws -> String {
            let answer = try await asAdministrator(keystone, .GET, "/projects?name=\(name)")
            return try #require(try JSONDecoder().decode(Listing.self, from: answer.body).projects?.first?.id)
        }

        /// Puts the service into Keystone's catalogue.
        private static func publish(_ service: Standalone, in keystone: KeystoneServer) async throws {
            let answer = try await asAdministrator(keystone, .GET, "/services?type=image")
            let id = try #require(try JSONDecoder().decode(Listing.self, from: answer.body).services?.first?.id)
            let made = try await asAdministrator(
                keystone, .POST, "/endpoints",
                json: """
                    {"endpoint": {"service_id": "\(id)", "interface": "public", "region_id": "one",
                    "url": "\(service.client.endpoint)"}}
                    """)
            #expect(made.status == 201, "\(made.text)")
        }
    }
}

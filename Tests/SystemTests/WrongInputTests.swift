import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    @Suite struct WrongInputTests {
        @Test("a request that cannot be served is refused with its reason, and changes nothing")
        func requests() async throws {
            try await Standalone.run { service in
                let client = service.client
                let waiting = try await client.create("waiting")
                let source = service.source.url(SourceImage(seed: 1, mib: 1))
                let active = try await client.beginImport(source, name: "active")
                try await client.wait(for: [active])
                let held = SourceImage(seed: 2, mib: 1)
                let locked = try await client.beginImport(
                    service.source.url(held, .init(kind: .gate, number: 65_536)), name: "locked")
                try await eventually { try await client.task(of: locked).state == .processing }
                let holder = try await client.task(of: locked)

                func download(_ uri: String, extra: String = "") -> String {
                    #"{"method":{"name":"web-download","uri":"\#(uri)"\#(extra)}}"#
                }
                let cases: [(String, ImageID, String, Int, [String])] = [
                    ("an unknown image", .random(), download(source), 404, ["No image found"]),
                    ("an image that is active", active, download(source), 409, ["active", "queued"]),
                    ("nothing staged", waiting, #"{"method":{"name":"glance-direct"}}"#, 409, ["queued", "uploading"]),
                    ("a locked image", locked, download(source), 409, [holder.id.rawValue, "processing"]),
                    ("a scheme that is none", waiting, download("ftp://127.0.0.1/x"), 400, ["ftp"]),
                    ("no URL", waiting, download("nowhere"), 400, ["http://host/path"]),
                    ("an address that is not public", waiting, download("http://10.1.2.3/x"), 400, ["10.1.2.3"]),
                    ("a file", waiting, download("file:///etc/passwd"), 400, ["file"]),
                    ("half a JSON text", waiting, #"{"method":"#, 400, ["JSON"]),
                    ("a list", waiting, "[]", 400, ["object"]),
                    ("a method that is a number", waiting, #"{"method":1}"#, 400, ["method"]),
                    ("an unknown method", waiting, #"{"method":{"name":"pigeon"}}"#, 400, ["pigeon", "web-download"]),
                    ("an unknown key", waiting, download(source, extra: #","color":"red""#), 400, ["color"]),
                    (
                        "an unknown store", waiting,
                        #"{"method":{"name":"web-download","uri":"\#(source)"},"stores":["moon"]}"#, 409,
                        ["moon", "main"]
                    ),
                    (
                        "a digest of no kind", waiting,
                        #"{"method":{"name":"web-download","uri":"\#(source)"},"longshore":{"checksum":"crc:1"}}"#, 400,
                        ["sha256"]
                    ),
                ]
                for (what, image, json, status, words) in cases {
                    let answer = try await client.send(.POST, "/v2/images/\(image)/import", json: json)
                    #expect(answer.status == status, "\(what): \(answer.text)")
                    for word in words { #expect(answer.text.contains(word), "\(what): \(answer.text)") }
                }
                let others: [(HTTPMethod, String, String?, Int)] = [
                    (.POST, "/v2/images", #"{"name":7}"#, 400), (.POST, "/v2/images", "{", 400),
                    (.POST, "/v2/images", #"{"status":"active"}"#, 403), (.GET, "/v2/images/moon", nil, 404),
                    (.GET, "/v2/images?limit=-1", nil, 400), (.GET, "/v2/images?sort=color", nil, 400),
                    (.GET, "/v2/images/\(waiting)/file", nil, 204),
                    (.DELETE, "/v2/images/\(ImageID.random())", nil, 404),
                    (.POST, "/longshore/v1/tasks/\(TaskID.random())/cancel", nil, 404),
                    (.PUT, "/v2/images/\(waiting)/import", nil, 405), (.GET, "/nowhere", nil, 404),
                ]
                for (method, path, json, status) in others {
                    let answer = try await client.send(method, path, json: json)
                    #expect(answer.status == status, "\(method.rawValue) \(path): \(answer.text)")
                }
                #expect(try await client.image(waiting).status == "queued")
                #expect(try await client.tasks(of: waiting).isEmpty)
                #expect(try await client.task(of: locked).id == holder.id)
                service.source.openGate()
                try await client.wait(for: [locked])
            }
        }

        @Test("the commands say what was wrong and end with the code for it")
        func commands() async throws {
            try await Standalone.run(Fleet.quick + ["lease.max-attempts=3"]) { service in
                let image = SourceImage(seed: 1, mib: 1)
                let source = service.source.url(image)
                let closed = try await closedURL()
                let zeros = String(repeating: "0", count: 64)
                let cases: [([String], Int32, [String])] = [
                    (["show", "moon"], 1, ["moon", "longshore images"]),
                    (["show", ImageID.random().rawValue], 1, []),
                    (["cancel", TaskID.random().rawValue], 1, []),
                    (["delete", "moon"], 1, ["moon"]),
                    (["import", "ftp://127.0.0.1/x"], 2, ["ftp"]),
                    (["import", "/no/such/file"], 1, ["/no/such/file"]),
                    (["import", source, "--checksum", "sha256:12"], 2, ["64"]),
                    (["import", source, "--colour"], 2, ["--colour"]),
                    (["import", source, "--disk-format", "raw", "--store", "moon", "--wait"], 1, ["moon"]),
                    (
                        ["import", source, "--disk-format", "raw", "--checksum", "sha256:\(zeros)", "--wait"], 1,
                        [zeros]
                    ),
                    (
                        [
                            "import", service.source.url(image, .init(kind: .status, number: 404)), "--disk-format",
                            "raw", "--wait",
                        ], 1, ["404"]
                    ),
                    (
                        [
                            "import", service.source.url(image, .init(kind: .status, number: 503)), "--disk-format",
                            "raw", "--wait",
                        ], 1, ["503"]
                    ),
                    (["import", closed, "--disk-format", "raw", "--wait"], 1, [closed, "check that the server runs"]),
                    (["images", "--endpoint", "http://127.0.0.1:1"], 3, ["127.0.0.1:1"]),
                ]
                for (arguments, code, words) in cases {
                    let ending = try await service.longshore(arguments)
                    let said = ending.output + ending.complaint
                    #expect(ending.code == code, "\(arguments): \(said)")
                    #expect(!said.isEmpty)
                    for word in words { #expect(said.contains(word), "\(arguments): \(said)") }
                }
                // Whatever failed left no bytes, and its image waits for another import.
                let images = try await service.longshore(["images", "--json"]).output.split(separator: "\n")
                #expect(!images.isEmpty && images.allSatisfy { $0.contains(#""status":"queued""#) })
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: service.store).isEmpty }
            }
        }

        /// Where nobody listens any more.
        private func closedURL() async throws -> String {
            let source = try await ImageSource()
            try await source.stop()
            return source.url(SourceImage(seed: 0, mib: 1))
        }

        @Test("a digest that differs is told with both values, and the image can be imported again")
        func digest() async throws {
            try await Standalone.run { service in
                let image = SourceImage(seed: 3, mib: 2)
                let wrong = String(repeating: "a", count: 32)
                let id = try await service.client.create()
                let uri = service.source.url(image)
                let json =
                    #"{"method":{"name":"web-download","uri":"\#(uri)"},"longshore":{"checksum":"md5:\#(wrong)"}}"#
                #expect(try await service.client.send(.POST, "/v2/images/\(id)/import", json: json).status == 202)
                try await eventually { try await service.client.task(of: id).state.isTerminal }
                let task = try await service.client.task(of: id)
                #expect(task.state == .failure && task.result == .rejected && task.attempt == 1)
                #expect(try await service.client.image(id).status == "queued")
                #expect(try await service.client.requestImport(id, uri).status == 202)
                try await service.client.wait(for: [id])
                let right = try await service.client.image(id).checksum ?? "none"
                #expect(task.message.contains(wrong) && task.message.contains(right), "\(task.message)")
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: service.store).count == 1 }
            }
        }

        @Test("a source that fails for a while is tried again; one that fails for good ends after its attempts")
        func sources() async throws {
            try await Standalone.run(Fleet.quick + ["lease.max-attempts=3"]) { service in
                let image = SourceImage(seed: 4, mib: 2)
                let faults: [(ImageSource.Fault, attempts: Int, success: Bool)] = [
                    (.init(kind: .status, number: 500, times: 1), 2, true),
                    (.init(kind: .reset, number: 1 << 20, times: 2), 3, true),
                    (.init(kind: .cut, number: 1 << 20, times: 1), 2, true),
                    (.init(kind: .redirect), 1, true),
                    (.init(kind: .reset, number: 1 << 20), 3, false),
                    (.init(kind: .status, number: 404), 1, false),
                    (.init(kind: .status, number: 500), 3, false),
                ]
                var ids: [ImageID] = []
                for (fault, _, _) in faults {
                    ids.append(try await service.client.beginImport(service.source.url(image, fault)))
                }
                for (id, (fault, attempts, success)) in zip(ids, faults) {
                    try await eventually(within: .seconds(60)) {
                        try await service.client.task(of: id).state.isTerminal
                    }
                    let task = try await service.client.task(of: id)
                    let isSuccess = task.state == .success
                    #expect(
                        isSuccess == success && task.attempt == attempts && task.spent == attempts, "\(fault): \(task)")
                    #expect(try await service.client.image(id).status == (success ? "active" : "queued"))
                    if !success { #expect(task.message.contains("127.0.0.1"), "\(task.message)") }
                }
            }
        }

        @Test("a full disk fails the import with its reason, and nothing stays on it")
        func fullDisk() async throws {
            try await Standalone.run(Fleet.quick + ["lease.max-attempts=2"], diskMiB: 8) { service in
                let client = service.client
                let large = try await client.beginImport(service.source.url(SourceImage(seed: 5, mib: 32)))
                try await eventually(within: .seconds(60)) { try await client.task(of: large).state.isTerminal }
                let task = try await client.task(of: large)
                #expect(task.state == .failure && task.message.contains("free"), "\(task.message)")
                #expect(try await client.image(large).status == "queued")
                // The disk is the process's own, and seen through it.
                let disk = URL(fileURLWithPath: "/proc/\(service.process.pid)/root\(service.store.path)")
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: disk).isEmpty }
                let small = try await client.beginImport(service.source.url(SourceImage(seed: 6, mib: 4)))
                try await client.wait(for: [small])
            }
        }
    }
}

import HTTPTypes
@testable import ImageAPI
import ImageCatalog
import ImportModel
import NIOHTTP1
import Testing

/// The document under `/longshore/v1/openapi.json` says what the code does. Whether answers are as it says is tested by
/// a fuzzer, in `SystemTests`.
@Suite(.timeLimit(.minutes(2))) struct OpenAPITests {
    private func withDocument(_ body: (RunningService, JSON) async throws -> Void) async throws {
        try await RunningService.run { service in
            let answer = try await service.send(.GET, "/longshore/v1/openapi.json")
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            try await body(service, try answer.json)
        }
    }

    @Test func `Every path and method that is served is in the document, and the other way round`() async throws {
        try await withDocument { service, document in
            var written: [String: Set<String>] = [:]
            for (path, item) in try #require(document["paths"].object) {
                let methods = try #require(item.object).keys.filter { $0 != "parameters" }.map { $0.uppercased() }
                // As the document says in its description.
                written[path] = Set(methods).union(methods.contains("GET") ? ["HEAD"] : [])
            }
            var served: [String: Set<String>] = [:]
            for (path, methods) in service.service.routes {
                let parts = path.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
                served["/" + parts.joined(separator: "/")] = Set(methods.map(\.rawValue))
            }
            #expect(written == served)
        }
    }

    @Test func `Every part of a path is described, and every name that is used once`() async throws {
        try await withDocument { _, document in
            var names: Set<String> = []
            for (path, item) in try #require(document["paths"].object) {
                let wanted = Set(path.split(separator: "/").filter { $0.hasPrefix("{") }.map(String.init))
                for (word, operation) in try #require(item.object) where word != "parameters" {
                    let name = try #require(operation["operationId"].string)
                    #expect(names.insert(name).inserted, "\(name)")
                    let given = (item["parameters"].array ?? []) + (operation["parameters"].array ?? [])
                    let parameters = given.map { document.resolved($0) }.filter { $0["in"].string == "path" }
                    #expect(Set(parameters.map { "{\($0["name"].string ?? "")}" }) == wanted, "\(name)")
                }
            }
        }
    }

    @Test func `What the schemas say of images, members and tasks the document says, too`() async throws {
        try await withDocument { _, document in
            let schemas = document["components"]["schemas"]
            for (name, word) in [("Image", "image"), ("Member", "member"), ("Task", "task")] {
                let schema = try #require(Schemas.schema(word))
                // Properties that are only common are no part of the contract.
                let base = try #require(schema["properties"].object).filter { $1["is_base"].bool != false }
                #expect(schemas[name]["properties"] == .object(base), "\(name)")
                #expect(schemas[name]["additionalProperties"] == schema["additionalProperties"], "\(name)")
            }
            for (name, word) in [("Images", "images"), ("Members", "members"), ("Tasks", "tasks")] {
                let schema = try #require(Schemas.schema(word)?["properties"].object)
                for (member, described) in try #require(schemas[name]["properties"].object) where member != word {
                    #expect(schema[member] == described, "\(name).\(member)")
                }
            }
        }
    }

    @Test func `The words of the document are those of the code`() async throws {
        try await withDocument { _, document in
            let schemas = document["components"]["schemas"]
            let task = schemas["FleetTask"]["properties"]
            func expect(_ schema: JSON, _ words: [String]) {
                #expect(schema["enum"].array.map(Set.init) == Set(words.map(JSON.string)))
            }
            expect(task["kind"], TaskKind.allCases.map(\.rawValue))
            expect(task["method"], ImportMethod.allCases.map(\.rawValue))
            expect(task["state"], TaskState.allCases.map(\.rawValue))
            expect(task["result"], TaskResult.allCases.map(\.rawValue))
            expect(task["phase"], TaskPhase.allCases.map(\.rawValue))
            expect(schemas["MemberAnswer"]["properties"]["status"], MemberStatus.allCases.map(\.rawValue))
            let new = schemas["NewImage"]["properties"]
            #expect(new.object.map { Set($0.keys) } == ImageAttribute.settable.union(["id"]))
            expect(new["visibility"], Visibility.allCases.map(\.rawValue))
            #expect(new["tags"]["maxItems"] == .integer(Int64(ImageAttribute.maxTags)))
            #expect(
                schemas["NewImage"]["additionalProperties"]["maxLength"]
                    == .integer(Int64(ImageAttribute.maxValueBytes)))
            #expect(document["info"]["version"].string.map { "v" + $0 } == APIVersions.current)
            func names(_ path: String) throws -> Set<String> {
                let parameters = try #require(document["paths"][path]["get"]["parameters"].array)
                return Set(parameters.compactMap { document.resolved($0)["name"].string })
            }
            for name in try names("/v2/tasks") {
                // Whatever is wrong with the value, the name is known.
                let error = #expect(throws: APIError.self) { _ = try TaskQuery([(name, "?"), ("limit", "?")]) }
                #expect(error?.message.contains("is no filter") == false, "\(name)")
            }
            for name in try names("/longshore/v1/tasks") {
                let error = #expect(throws: APIError.self) { _ = try FleetTaskQuery([(name, "?"), ("limit", "?")]) }
                #expect(error?.message.contains("is not known") == false, "\(name)")
            }
        }
    }

    @Test func `The document is for everybody`() async throws {
        try await RunningService.run { service in
            let document = try await service.send(.GET, "/longshore/v1/openapi.json", as: "nobody")
            #expect(document.status == 200)
            let queue = try await service.send(.GET, "/longshore/v1/queue", as: "nobody")
            #expect(queue.status == 401)
        }
    }
}

extension JSON {
    /// A member, or null.
    fileprivate subscript(_ name: String) -> JSON { object?[name] ?? .null }

    /// What a reference within this document leads to; anything else as it is.
    fileprivate func resolved(_ value: JSON) -> JSON {
        guard let reference = value["$ref"].string else { return value }
        return reference.dropFirst(2).split(separator: "/").reduce(self) { $0[String($1)] }
    }
}

import Hummingbird
import ImageCatalog
import ImportModel

/// Versions, schemas, the contract of all paths, and what the service offers.
struct DiscoveryController: Sendable {
    let address: ServiceAddress
    let shelf: StoreShelf
    let methods: [ImportMethod]

    static let contractPath = "/longshore/v1/openapi.json"

    func add(to routes: inout RouteTable) {
        let choices: RouteTable.Handler = { request, _ in
            .json(APIVersions.document(base: address.base(for: request)), status: .multipleChoices)
        }
        routes.get("/", choices)
        routes.get("/v2", choices)
        routes.get("/versions") { request, _ in .json(APIVersions.document(base: address.base(for: request))) }
        routes.get(Self.contractPath) { _, _ in .json(PackageResources.OpenAPI_json) }
        routes.get("/v2/schemas/:name") { _, context in
            try admit(context.caller)
            guard let schema = Schemas.schema(context.part("name")) else {
                throw APIError(.notFound, "There is no schema of this name.")
            }
            return .json(schema)
        }
        routes.get("/v2/info/import") { _, context in
            try admit(context.caller)
            return .json(importMethods)
        }
        routes.get("/v2/info/stores") { _, context in
            try admit(context.caller)
            return .json(shelf.document(withDetail: false))
        }
        routes.get("/v2/info/stores/detail") { _, context in
            guard context.caller.may(.storesInfoDetail) else {
                throw context.caller.refusal(.storesInfoDetail, to: "see the details of stores")
            }
            return .json(shelf.document(withDetail: true))
        }
        // No quota is kept here, so there is nothing to tell the usage of.
        routes.get("/v2/info/usage") { _, context in
            try admit(context.caller)
            return .json(.object(["usage": .object([:])]))
        }
    }

    private func admit(_ caller: Caller) throws {
        guard caller.may(.discovery) else { throw caller.refusal(.discovery, to: "ask what the service offers") }
    }

    private var importMethods: JSON {
        .object([
            "import-methods": .object([
                "description": .string("Import methods available."),
                "type": .string("array"),
                "value": .array(methods.map { .string($0.rawValue) }),
            ])
        ])
    }
}

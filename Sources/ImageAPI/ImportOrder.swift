import HTTPTypes
import ImageCatalog
import ImportModel

/// What the body of an import says, checked for its form; nothing in it has been compared with an image yet.
struct ImportOrder: Hashable, Sendable {
    var method: ImportMethod
    var uri: String?
    /// Names as they were given; empty for none.
    var stores: [String]
    var allStores: Bool
    var allStoresMustSucceed: Bool
    var extras: ImportExtras

    /// - Parameter methods: those that the service offers.
    init(_ body: JSON, methods: [ImportMethod]) throws(APIError) {
        guard let members = body.object else { throw Self.refused("The body must be a JSON object.") }
        try Self.admit(
            members, ["method", "stores", "all_stores", "all_stores_must_succeed", "longshore"], in: "the body")
        guard let described = members["method"] else { throw Self.refused("Expected 'method' in the body.") }
        guard let parts = described.object else { throw Self.refused("'method' must be an object with a 'name'.") }
        guard let name = parts["name"]?.string else {
            throw Self.refused("Expected 'name' of 'method', as a string.")
        }
        guard let method = methods.first(where: { $0.rawValue == name }) else {
            let known = methods.isEmpty ? "none" : methods.map(\.rawValue).joined(separator: ", ")
            throw Self.refused("Unknown import method name '\(name.prefix(64))'; this service has \(known).")
        }
        self.method = method
        switch method {
        case .glanceDirect, .copyImage: try Self.admit(parts, ["name"], in: "'method' of \(name)")
        case .webDownload:
            try Self.admit(parts, ["name", "uri"], in: "'method' of \(name)")
            guard let uri = parts["uri"]?.string else {
                throw Self.refused("'method' of web-download needs a 'uri', as a string.")
            }
            self.uri = uri
        }
        stores = try Self.stores(members["stores"])
        allStores = try Self.flag(members, "all_stores") ?? false
        allStoresMustSucceed = try Self.flag(members, "all_stores_must_succeed") ?? true
        extras = try ImportExtras(members["longshore"])
        guard extras.checksum == nil || method != .copyImage else {
            throw Self.refused(
                "'checksum' does not go with copy-image: what is copied must have the image's own digests.")
        }
        guard extras.publisher == nil || method == .webDownload else {
            throw Self.refused("'checksum_url' goes with web-download: other data has no name to be looked up by.")
        }
    }

    private static func stores(_ value: JSON?) throws(APIError) -> [String] {
        guard let value else { return [] }
        guard let items = value.array else { throw refused("'stores' must be a list of names of stores.") }
        var names: [String] = []
        for item in items {
            guard let name = item.string else { throw refused("'stores' must be a list of names of stores.") }
            if !names.contains(name) { names.append(name) }
            guard names.count <= 64 else { throw refused("'stores' may name at most 64 stores.") }
        }
        return names
    }

    private static func flag(_ members: [String: JSON], _ name: String) throws(APIError) -> Bool? {
        guard let value = members[name] else { return nil }
        guard let flag = value.bool else { throw refused("'\(name)' must be true or false.") }
        return flag
    }

    /// What is not understood is refused: a misspelt option must not be passed over in silence.
    static func admit(_ members: [String: JSON], _ known: Set<String>, in place: String) throws(APIError) {
        if let name = members.keys.filter({ !known.contains($0) }).min() {
            throw refused(
                "'\(name.prefix(64))' in \(place) is not known; there may be \(known.sorted().joined(separator: ", "))."
            )
        }
    }

    static func refused(_ text: String) -> APIError { APIError(.badRequest, text) }
}

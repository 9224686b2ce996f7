import ImageCatalog

/// The versions of the Image API: those of a Glance with several stores, without its cache and location APIs.
enum APIVersions {
    static let current = "v2.15"

    /// Newest first; 2.14 is the cache API.
    static let all = [15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map { "v2.\($0)" }

    static func document(base: String) -> JSON {
        let versions = all.map { version in
            JSON.object([
                "id": .string(version),
                "status": .string(version == current ? "CURRENT" : "SUPPORTED"),
                "links": .array([.object(["rel": .string("self"), "href": .string(base + "/v2/")])]),
            ])
        }
        return .object(["versions": .array(versions)])
    }
}

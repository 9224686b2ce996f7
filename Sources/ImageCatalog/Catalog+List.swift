import ImportModel

extension Catalog {
    /// One page of the images that match.
    package func list(_ query: ImageQuery, for caller: Caller) async throws -> ImagePage {
        guard caller.may(.getImages) else { throw caller.refusal(.getImages, to: "list images") }
        let ids = query.limit > 0 ? try await ImageSearch(store, query, for: caller).page() : []
        return ImagePage(ids, of: query, for: caller, in: store)
    }
}

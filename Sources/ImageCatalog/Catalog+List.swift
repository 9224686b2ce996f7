package import ImportModel
import LeaseStore

extension Catalog {
    /// One page of the images that match.
    ///
    /// In the order of creation the index is read from the marker on, until the page is full. Any other order looks at
    /// every image, holding no more of them than two pages: fine for thousands, slow for millions.
    package func list(_ query: ImageQuery, for caller: Caller) async throws -> [ImageRecord] {
        guard caller.may(.getImages) else { throw caller.refusal(.getImages, to: "list images") }
        guard query.limit > 0 else { return [] }
        let marker = try await marker(of: query, for: caller)
        if let newestFirst = query.order.newestFirst {
            return try await inOrderOfCreation(query, newestFirst, after: marker, for: caller)
        }
        return try await sorted(query, after: marker, for: caller)
    }

    private func marker(of query: ImageQuery, for caller: Caller) async throws -> ImageRecord? {
        guard let id = query.marker else { return nil }
        guard let image = try await store.image(id), caller.maySee(image) else {
            throw CatalogError.invalid("Invalid marker. Image \(id) could not be found.")
        }
        return image
    }

    private func inOrderOfCreation(
        _ query: ImageQuery, _ newestFirst: Bool, after marker: ImageRecord?, for caller: Caller
    ) async throws -> [ImageRecord] {
        var page: [ImageRecord] = []
        try await scan(newestFirst: newestFirst, after: marker?.id, step: min(max(query.limit, 50), 500)) { images in
            for image in images where query.matches(image, for: caller) && page.count < query.limit {
                page.append(image)
            }
            return page.count < query.limit
        }
        return page
    }

    private func sorted(
        _ query: ImageQuery, after marker: ImageRecord?, for caller: Caller
    ) async throws -> [ImageRecord] {
        var page: [ImageRecord] = []
        func trim() {
            page.sort(by: query.order.precedes)
            page.removeSubrange(min(query.limit, page.count)...)
        }
        try await scan(newestFirst: true, after: nil, step: 500) { images in
            for image in images where query.matches(image, for: caller) {
                if let marker, !query.order.precedes(marker, image) { continue }
                page.append(image)
                if page.count >= 2 * query.limit { trim() }
            }
            return true
        }
        trim()
        return page
    }

    /// Hands out images in the order of creation, `step` at a time, until `take` has enough.
    private func scan(
        newestFirst: Bool, after marker: ImageID?, step: Int, _ take: ([ImageRecord]) -> Bool
    ) async throws {
        var last = marker
        var offset = 0
        while true {
            // Images come and go while we read, so the place is found again by the last one seen.
            if let last, let rank = try await store.rank(of: last, newestFirst: newestFirst) { offset = rank + 1 }
            let ids = try await store.imageIDs(newestFirst: newestFirst, offset: offset, count: step)
            guard let end = ids.last else { return }
            guard take(try await store.images(ids)), ids.count == step else { return }
            last = end
            offset += ids.count
        }
    }
}

package import ImportModel
import LeaseStore

/// A page of a list: which images are on it. They are loaded a few at a time, since a page of large ones would be
/// hundreds of megabytes.
package struct ImagePage: Sendable {
    package let ids: [ImageID]
    private let query: ImageQuery
    private let caller: Caller
    private let store: LeaseStore

    init(_ ids: [ImageID], of query: ImageQuery, for caller: Caller, in store: LeaseStore) {
        self.ids = ids
        self.query = query
        self.caller = caller
        self.store = store
    }

    /// The images of a part of the page. One that was deleted, or changed so that it is not of this list, since the
    /// page was found is left out.
    package func images(_ part: Range<Int>) async throws -> [ImageRecord] {
        try await store.images(Array(ids[part.clamped(to: ids.indices)])).filter { query.matches($0, for: caller) }
    }

    /// The document around the images, with links to the first page and, where this one is full, to the next.
    package var document: ImageListDocument {
        ImageListDocument(
            first: query.link(marker: nil),
            next: ids.count == query.limit ? ids.last.map { query.link(marker: $0) } : nil)
    }
}

/// The document of a page, in parts: before its images, the images, after them.
package struct ImageListDocument: Sendable {
    private let first: String
    private let next: String?

    init(first: String, next: String?) {
        self.first = first
        self.next = next
    }

    package var beginning: [UInt8] {
        Array("{\"first\": ".utf8) + JSON.string(first).encoded() + Array(", \"images\": [".utf8)
    }

    /// - Parameters:
    ///   - isFirst: whether no image was written before these.
    ///   - order: of each image's stores.
    package func part(
        _ images: [ImageRecord], isFirst: Bool, _ order: ReadingOrder = ReadingOrder()
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, image) in images.enumerated() {
            if index > 0 || !isFirst { bytes += ", ".utf8 }
            bytes += ImageDocument(image, order).json.encoded()
        }
        return bytes
    }

    package var end: [UInt8] {
        let link = next.map { Array(", \"next\": ".utf8) + JSON.string($0).encoded() } ?? []
        return Array("]".utf8) + link + Array(", \"schema\": \"/v2/schemas/images\"}".utf8)
    }
}

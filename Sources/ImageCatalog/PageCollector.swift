import ImportModel

/// Keeps the first images of an order, of all that it is shown.
struct PageCollector {
    private let order: ImageOrder
    private let limit: Int
    /// Images up to this one are on earlier pages.
    private let marker: ImageRecord?
    private var page: [ImageRecord] = []
    private var known: Set<ImageID> = []

    init(_ query: ImageQuery, after marker: ImageRecord?) {
        order = query.order
        limit = query.limit
        self.marker = marker
    }

    /// An image that moves while an index is read can be met twice.
    mutating func take(_ image: ImageRecord) {
        if let marker, !order.precedes(marker, image) { return }
        guard known.insert(image.id).inserted else { return }
        page.append(image)
        if page.count >= 2 * limit + 64 { trim() }
    }

    /// Whether nothing that comes behind `last` in the first key's index belongs on the page. One that moved while the
    /// index was read may be on it, and belong to a later one.
    mutating func isFull(at last: ImageRecord) -> Bool {
        guard page.count >= limit else { return false }
        trim()
        guard let end = page.last else { return true }
        return order.isOfIndex ? !order.precedes(last, end) : order.precedesByFirst(end, last)
    }

    /// The page so far, in its order.
    mutating func ids() -> [ImageID] {
        trim()
        return page.map(\.id)
    }

    private mutating func trim() {
        page.sort(by: order.precedes)
        page.removeSubrange(min(limit, page.count)...)
    }
}

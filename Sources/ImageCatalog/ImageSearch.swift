import ImportModel
import LeaseStore

/// Finds which images are on a page of a list, without looking at all of them wherever an index helps.
///
/// The sets that the query names (`ImageQuery.candidates`) are images among which all matches are; the smallest is
/// looked at. Of the indexes that have an order the one that is asked for is read from the marker on, and no further
/// than the page needs. An index only proposes: each image's record decides.
struct ImageSearch {
    let store: LeaseStore
    let query: ImageQuery
    let caller: Caller
    private let fields: [String]
    private let few: Int
    private let step: Int

    /// - Parameters:
    ///   - few: so many images are looked at as a whole, whatever their order.
    ///   - step: how many are looked at in one round trip at most.
    init(_ store: LeaseStore, _ query: ImageQuery, for caller: Caller, few: Int = 2000, step: Int = 500) {
        self.store = store
        self.query = query
        self.caller = caller
        self.few = few
        self.step = step
        fields = query.fields(for: caller)
    }

    func page() async throws -> [ImageID] {
        let marker = try await marker()
        let sets = query.candidates(for: caller)
        guard let order = query.order.index else {
            return try await pass(try await smallest(of: sets).set, after: marker)
        }
        if order == .images {
            let set = sets.count == 1 ? sets[0] : try await smallest(of: sets).set
            guard case .union(let indexes) = set else { return try await pass(set, after: marker) }
            return try await walk(indexes, after: marker) ?? []
        }
        if sets == [.union([.images])] { return try await walk([order], after: marker) ?? [] }
        let (set, size, all) = try await smallest(of: sets)
        // With matches spread evenly, as many images are looked at in either way where the set has this size.
        let even = Int((Double(query.limit) * Double(all)).squareRoot())
        if size > max(few, even), let page = try await walk([order], after: marker, atMost: size) { return page }
        return try await pass(set, after: marker)
    }

    private func marker() async throws -> ImageRecord? {
        guard let id = query.marker else { return nil }
        guard let image = try await store.images([id], fields: fields).first, caller.maySee(image) else {
            throw CatalogError.invalid("Invalid marker. Image \(id) could not be found.")
        }
        return image
    }

    /// The smallest of these sets, its size, and how many images there are. Names that very many images have are no
    /// help: their images would have to be read at once.
    private func smallest(of sets: [ImageSet]) async throws -> (set: ImageSet, size: Int, all: Int) {
        let everything = ImageSet.union([.images])
        let sizes = try await store.sizes(of: sets + [everything])
        let usable = zip(sets + [everything], sizes).filter { set, size in
            if case .union = set { true } else { size <= few }
        }
        let best = usable.min { $0.1 < $1.1 } ?? (everything, 0)
        return (best.0, best.1, sizes.last ?? 0)
    }

    /// Reads indexes in the order of the list's first key until the page is full; `nil` when that took more than
    /// `bound` looks.
    private func walk(_ indexes: [ImageIndex], after marker: ImageRecord?, atMost bound: Int = .max) async throws
        -> [ImageID]?
    {
        let order = query.order
        let start = marker.flatMap { marker in
            let index = order.index ?? .images
            return order.isOfIndex
                ? index.place(of: marker) : index.edge(of: marker, isDescending: order.isDescending)
        }
        var walk = IndexWalk(indexes, isDescending: order.isDescending, after: start)
        var collector = PageCollector(query, after: marker)
        var (count, looks) = (min(max(query.limit, 10), step), 0)
        while looks < bound {
            let places = try await walk.next(count, from: store)
            guard !places.isEmpty else { return collector.ids() }
            let images = try await look(at: places.compactMap(\.id), &collector)
            let stands = Dictionary(places.map { ($0.id, $0) }) { $1 }
            // One that was changed since the index was read says nothing about how far that was.
            let last = images.last { stands[$0.id] == order.index?.place(of: $0) }
            if let last, collector.isFull(at: last) { return collector.ids() }
            looks += places.count
            count = min(count * 2, step)
        }
        return nil
    }

    /// Looks at all images of a set.
    private func pass(_ set: ImageSet, after marker: ImageRecord?) async throws -> [ImageID] {
        var collector = PageCollector(query, after: marker)
        switch set {
        case .ids(let ids): try await lookAtAll(ids, &collector)
        case .named(let names): try await lookAtAll(try await store.images(named: names), &collector)
        case .union(let indexes):
            var walk = IndexWalk(indexes, isDescending: true, after: nil)
            while true {
                let places = try await walk.next(step, from: store)
                if places.isEmpty { break }
                _ = try await look(at: places.compactMap(\.id), &collector)
            }
        }
        return collector.ids()
    }

    private func lookAtAll(_ ids: [ImageID], _ collector: inout PageCollector) async throws {
        for start in stride(from: 0, to: ids.count, by: step) {
            _ = try await look(at: Array(ids[start..<min(start + step, ids.count)]), &collector)
        }
    }

    /// Shows those that match to the collector. Returns all that were looked at.
    private func look(at ids: [ImageID], _ collector: inout PageCollector) async throws -> [ImageRecord] {
        try Task.checkCancellation()
        let images = try await store.images(ids, fields: fields)
        for image in images where query.matches(image, for: caller) { collector.take(image) }
        return images
    }
}

import LeaseStore

/// Goes through the images of one or several indexes as if these were one, in its order; an image that is in several is
/// met once.
struct IndexWalk {
    private struct Source {
        let index: ImageIndex
        /// The last place that was read.
        var after: IndexPlace?
        /// What was read and is not handed out yet, the next one last.
        var places: [IndexPlace] = []
        var isAtEnd = false
    }

    let isDescending: Bool
    private var sources: [Source]

    /// - Parameters:
    ///   - indexes: several only where they have the same order.
    ///   - start: what comes behind this place; `nil`: from the beginning.
    init(_ indexes: [ImageIndex], isDescending: Bool, after start: IndexPlace?) {
        self.isDescending = isDescending
        sources = indexes.map { Source(index: $0, after: start) }
    }

    /// The next places, about `count`; empty at the end.
    mutating func next(_ count: Int, from store: LeaseStore) async throws -> [IndexPlace] {
        var found: [IndexPlace] = []
        while found.count < count {
            try await fill(count, from: store)
            // As far as every index has been read.
            while found.count < count, sources.allSatisfy({ $0.isAtEnd || !$0.places.isEmpty }) {
                guard let first = sources.compactMap(\.places.last).min(by: precedes) else { return found }
                for index in sources.indices where sources[index].places.last == first {
                    sources[index].places.removeLast()
                }
                found.append(first)
            }
        }
        return found
    }

    private func precedes(_ left: IndexPlace, _ right: IndexPlace) -> Bool {
        isDescending ? right.isBefore(left) : left.isBefore(right)
    }

    /// Reads on where everything that was read has been handed out.
    private mutating func fill(_ count: Int, from store: LeaseStore) async throws {
        let empty = sources.indices.filter { sources[$0].places.isEmpty && !sources[$0].isAtEnd }
        let ranges = empty.map { index in
            IndexRange(sources[index].index, isDescending: isDescending, after: sources[index].after, count: count)
        }
        guard !ranges.isEmpty else { return }
        for (index, places) in zip(empty, try await store.places(ranges)) {
            sources[index].after = places.last ?? sources[index].after
            sources[index].places = places.reversed()
            sources[index].isAtEnd = places.isEmpty
        }
    }
}

/// In which of an image's stores its bytes are looked for first: greater weight, then the default store, then by id.
/// The stores of an image are shown in this order, too.
package struct ReadingOrder: Hashable, Sendable {
    private let weights: [StoreID: Int]
    private let defaultStore: StoreID?

    /// - Parameter weights: stores that are missing have weight 0.
    package init(weights: [StoreID: Int] = [:], defaultStore: StoreID? = nil) {
        self.weights = weights
        self.defaultStore = defaultStore
    }

    package func sorted(_ stores: some Sequence<StoreID>) -> [StoreID] {
        stores.sorted { left, right in
            let (first, second) = (weights[left] ?? 0, weights[right] ?? 0)
            if first != second { return first > second }
            if left == right { return false }
            if left == defaultStore || right == defaultStore { return left == defaultStore }
            return left < right
        }
    }
}

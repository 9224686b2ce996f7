package import ImportModel

/// The keys of one catalog. The braces put all of them into one hash slot, so that every script is atomic over what
/// it needs, on a Redis Cluster too.
package struct Keys: Hashable, Sendable {
    /// `{prefix}:`, which every key begins with.
    let tag: String

    /// - Parameter prefix: 1 to 64 letters, digits, `-`, `_` or `.`.
    package init(prefix: String) throws(InvalidValue) {
        guard StoreID(rawValue: prefix) != nil else {
            throw InvalidValue("the Redis prefix '\(prefix)' must be 1 to 64 letters, digits, '-', '_' or '.'")
        }
        tag = "{\(prefix)}:"
    }

    /// The key that scripts are given; they derive all others from its tag.
    var anchor: String { control }
    var control: String { tag + "control" }
    var live: String { tag + "live" }
    var done: String { tag + "done" }
    var leases: String { tag + "leases" }
    var wake: String { tag + "wake" }
    var events: String { tag + "events" }
    var stats: String { tag + "stats" }
    var garbage: String { tag + "garbage" }
    var processes: String { tag + "processes" }
    func index(_ index: ImageIndex) -> String { tag + "index:" + index.suffix }
    func image(_ id: ImageID) -> String { tag + "image:\(id)" }
    func lock(_ id: ImageID) -> String { tag + "image:\(id):lock" }
    func imageTasks(_ id: ImageID) -> String { tag + "image:\(id):tasks" }
    func task(_ id: TaskID) -> String { tag + "task:\(id)" }
    func checkpoint(_ id: TaskID) -> String { tag + "task:\(id):checkpoint" }
    func history(_ id: TaskID) -> String { tag + "task:\(id):history" }
    func process(_ id: ProcessID) -> String { tag + "worker:\(id)" }
}

package import ImportModel

/// One page of a store's listing.
package struct ObjectPage: Hashable, Sendable {
    package var objects: [StoredObject]
    /// To be given to `list(after:)` for the page that follows; `nil` on the last.
    package var next: String?

    package init(objects: [StoredObject], next: String?) {
        self.objects = objects
        self.next = next
    }
}

/// Something that a store holds under a key.
package struct StoredObject: Hashable, Sendable {
    package var key: ObjectKey
    package var sizeBytes: Int64
    /// Since the last write, by the clock of this host.
    package var age: Duration
    /// `false` for what no `commit` has made an object.
    package var isCommitted: Bool

    package init(key: ObjectKey, sizeBytes: Int64, age: Duration, isCommitted: Bool) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.age = age
        self.isCommitted = isCommitted
    }
}

/// An image as the catalog keeps it: one Redis hash, a field per attribute.
///
/// Times are integer milliseconds since 1970 by the Redis server's clock; sizes are bytes.
package struct ImageRecord: Hashable, Sendable {
    package var id: ImageID
    package var status: ImageStatus = .queued
    package var name: String?
    package var owner: String?
    package var visibility: Visibility = .shared
    package var diskFormat: String?
    package var containerFormat: String?
    package var minDisk: Int = 0
    package var minRAM: Int = 0
    package var isProtected = false
    package var isHidden = false
    package var sizeBytes: Int64?
    package var virtualSizeBytes: Int64?
    /// MD5 and SHA-512 of the stored bytes; `nil` until the image is active.
    package var digests: ContentDigests?
    /// Free properties, by their names in the API.
    package var properties: [String: String] = [:]
    package var tags: Set<String> = []
    /// The projects that the image is shared with, by their ids; without effect unless `visibility` is `shared`.
    package var members: [String: ImageMember] = [:]
    /// The object key of this image's bytes in each store that holds them.
    package var locations: [StoreID: String] = [:]
    /// Data that waits for a `glance-direct` import.
    package var stage: StagedObject?
    /// What a running import still has to fill; `nil` if the image never saw an import, `[]` after one.
    package var importingToStores: [StoreID]?
    /// What the last import did not manage to fill; `nil` if the image never saw an import.
    package var failedStores: [StoreID]?
    /// The task that holds the image's lock.
    package var lockedBy: TaskID?
    /// Counts the changes by users; a change computed on an older revision is refused.
    package var revision: Int64 = 0
    package var createdAtMs: Int64 = 0
    package var updatedAtMs: Int64 = 0

    package init(id: ImageID) { self.id = id }
}

/// Bytes that were uploaded to `stage`, digested on their way in.
package struct StagedObject: Hashable, Codable, Sendable {
    package var store: StoreID
    package var key: String
    package var sizeBytes: Int64
    package var digests: ContentDigests
    /// What the inspection found on the way in, as JSON; it is judged when the image's formats are known.
    package var inspection: String?

    package init(store: StoreID, key: String, sizeBytes: Int64, digests: ContentDigests, inspection: String? = nil) {
        self.store = store
        self.key = key
        self.sizeBytes = sizeBytes
        self.digests = digests
        self.inspection = inspection
    }
}

/// The names of an image hash's fields, spelled once for Swift; the scripts spell the same names.
package enum ImageField {
    package static let status = "status"
    package static let name = "name"
    package static let owner = "owner"
    package static let visibility = "visibility"
    package static let diskFormat = "disk_format"
    package static let containerFormat = "container_format"
    package static let minDisk = "min_disk"
    package static let minRAM = "min_ram"
    package static let protected = "protected"
    package static let hidden = "hidden"
    package static let size = "size"
    package static let virtualSize = "virtual_size"
    package static let md5 = "md5"
    package static let sha512 = "sha512"
    package static let stage = "stage"
    package static let provenance = "provenance"
    package static let verdict = "verdict"
    package static let importing = "importing"
    package static let failed = "failed"
    package static let revision = "revision"
    package static let createdAt = "created_at"
    package static let updatedAt = "updated_at"
    package static let propertyPrefix = "p:"
    package static let tagPrefix = "t:"
    package static let memberPrefix = "m:"
    package static let locationPrefix = "loc:"
}

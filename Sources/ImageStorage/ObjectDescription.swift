package import ImportModel

/// What is kept beside an object, so that a lost catalog can be rebuilt from the stores.
package struct ObjectDescription: Hashable, Codable, Sendable {
    package var image: ImageID
    package var name: String?
    package var owner: String?
    package var diskFormat: String?
    package var containerFormat: String?
    package var sizeBytes: Int64
    package var digests: ContentDigests

    package init(
        image: ImageID, name: String? = nil, owner: String? = nil, diskFormat: String? = nil,
        containerFormat: String? = nil, sizeBytes: Int64, digests: ContentDigests
    ) {
        self.image = image
        self.name = name
        self.owner = owner
        self.diskFormat = diskFormat
        self.containerFormat = containerFormat
        self.sizeBytes = sizeBytes
        self.digests = digests
    }
}

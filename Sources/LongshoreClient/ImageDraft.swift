package import ImportModel

/// What a new image shall be: the body of its creation.
package struct ImageDraft: Hashable, Sendable {
    package var name: String
    package var diskFormat: String
    package var containerFormat = "bare"
    package var visibility: Visibility?
    package var isProtected = false
    /// GiB and MiB, as the Image API counts them.
    package var minDisk: Int?
    package var minRAM: Int?
    package var tags: [String] = []
    package var properties: [String: String] = [:]

    package init(name: String, diskFormat: String) {
        self.name = name
        self.diskFormat = diskFormat
    }

    var json: JSONValue {
        var members = properties.mapValues { JSONValue.string($0) }
        members["name"] = .string(name)
        members["disk_format"] = .string(diskFormat)
        members["container_format"] = .string(containerFormat)
        if let visibility { members["visibility"] = .string(visibility.rawValue) }
        if isProtected { members["protected"] = .bool(true) }
        if let minDisk { members["min_disk"] = .integer(Int64(minDisk)) }
        if let minRAM { members["min_ram"] = .integer(Int64(minRAM)) }
        if !tags.isEmpty { members["tags"] = .array(tags.map { .string($0) }) }
        return .object(members)
    }
}

/// How an image's bytes shall be imported: the body of the import request.
package struct ImportOrder: Hashable, Sendable {
    /// `nil`: what was staged (`glance-direct`); otherwise where to fetch from (`web-download`).
    package var uri: String?
    /// Whether the image is active, and is to be copied to more stores (`copy-image`).
    package var isCopy = false
    /// Empty: the service's default store.
    package var stores: [StoreID] = []
    package var allStores = false
    package var allStoresMustSucceed = true
    package var checksum: ExpectedDigest?
    /// Where the publisher says what the digest is; only with `uri`.
    package var publisher: PublisherChecksum?
    /// 0 (last) to 9 (first); `nil`: the service's default.
    package var priority: Int?

    package init() {}

    var json: JSONValue {
        var method: [String: JSONValue] = ["name": .string(ImportMethod.glanceDirect.rawValue)]
        if isCopy { method = ["name": .string(ImportMethod.copyImage.rawValue)] }
        if let uri { method = ["name": .string(ImportMethod.webDownload.rawValue), "uri": .string(uri)] }
        var members: [String: JSONValue] = ["method": .object(method)]
        if !stores.isEmpty { members["stores"] = .array(stores.map { .string($0.rawValue) }) }
        if allStores { members["all_stores"] = .bool(true) }
        members["all_stores_must_succeed"] = .bool(allStoresMustSucceed)
        var extras: [String: JSONValue] = [:]
        if let checksum { extras["checksum"] = .string(checksum.description) }
        if let publisher {
            extras["checksum_url"] = .string(publisher.url)
            if let url = publisher.signatureURL { extras["signature_url"] = .string(url) }
            if let keyring = publisher.keyring { extras["keyring"] = .string(keyring) }
        }
        if let priority { extras["priority"] = .integer(Int64(priority)) }
        if !extras.isEmpty { members["longshore"] = .object(extras) }
        return .object(members)
    }
}

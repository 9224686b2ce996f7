import Foundation
package import ImportModel

extension ImageRecord {
    /// Reads an image's hash; `nil` for none and for the tombstone of a deleted image.
    init?(id: ImageID, hash: [String: String], lock: String?) throws(LeaseStoreError) {
        guard let statusText = hash[ImageField.status] else { return nil }
        guard let status = ImageStatus(rawValue: statusText) else {
            throw .malformed(reason: "image \(id) has the unknown status '\(statusText)'")
        }
        if status == .deleted { return nil }
        self.init(id: id)
        self.status = status
        name = hash[ImageField.name]
        owner = hash[ImageField.owner]
        visibility = hash[ImageField.visibility].flatMap(Visibility.init(rawValue:)) ?? .shared
        diskFormat = hash[ImageField.diskFormat]
        containerFormat = hash[ImageField.containerFormat]
        minDisk = hash[ImageField.minDisk].flatMap { Int($0) } ?? 0
        minRAM = hash[ImageField.minRAM].flatMap { Int($0) } ?? 0
        isProtected = hash[ImageField.protected] == "1"
        isHidden = hash[ImageField.hidden] == "1"
        sizeBytes = hash[ImageField.size].flatMap { Int64($0) }
        virtualSizeBytes = hash[ImageField.virtualSize].flatMap { Int64($0) }
        if let md5 = hash[ImageField.md5], let sha512 = hash[ImageField.sha512] {
            digests = ContentDigests(md5: md5, sha512: sha512)
        }
        for (field, value) in hash {
            if let property = Self.name(in: field, after: ImageField.propertyPrefix) {
                properties[property] = value
            } else if let tag = Self.name(in: field, after: ImageField.tagPrefix) {
                tags.insert(tag)
            } else if let project = Self.name(in: field, after: ImageField.memberPrefix) {
                members[project] = try ImageMember(text: value, of: id)
            } else if let store = Self.name(in: field, after: ImageField.locationPrefix).flatMap(StoreID.init) {
                locations[store] = value
            }
        }
        if let text = hash[ImageField.stage] {
            guard let stage = try? JSONDecoder().decode(StagedObject.self, from: Data(text.utf8)) else {
                throw .malformed(reason: "image \(id) has staged data that cannot be read")
            }
            self.stage = stage
        }
        importingToStores = hash[ImageField.importing].map(Self.stores)
        failedStores = hash[ImageField.failed].map(Self.stores)
        lockedBy = lock.flatMap(TaskID.init(rawValue:))
        revision = hash[ImageField.revision].flatMap { Int64($0) } ?? 0
        createdAtMs = hash[ImageField.createdAt].flatMap { Int64($0) } ?? 0
        updatedAtMs = hash[ImageField.updatedAt].flatMap { Int64($0) } ?? 0
    }

    /// By bytes: an accent at the start of a name makes one character with the end of the prefix.
    private static func name(in field: String, after prefix: String) -> String? {
        guard field.utf8.starts(with: prefix.utf8) else { return nil }
        return String(field.utf8.dropFirst(prefix.utf8.count))
    }

    private static func stores(_ list: String) -> [StoreID] {
        list.split(separator: ",").compactMap { StoreID(rawValue: String($0)) }
    }

    /// The fields that a user may set, as they stand in the hash; what is unset is left out.
    package var userFields: [String: String] {
        var fields: [String: String] = [:]
        fields[ImageField.name] = name
        fields[ImageField.owner] = owner
        fields[ImageField.visibility] = visibility.rawValue
        fields[ImageField.diskFormat] = diskFormat
        fields[ImageField.containerFormat] = containerFormat
        fields[ImageField.minDisk] = minDisk == 0 ? nil : String(minDisk)
        fields[ImageField.minRAM] = minRAM == 0 ? nil : String(minRAM)
        fields[ImageField.protected] = isProtected ? "1" : nil
        fields[ImageField.hidden] = isHidden ? "1" : nil
        for (name, value) in properties { fields[ImageField.propertyPrefix + name] = value }
        for tag in tags { fields[ImageField.tagPrefix + tag] = "1" }
        return fields
    }
}

extension ImageMember {
    /// As it stands in the hash: status, added at, changed at.
    fileprivate init(text: String, of image: ImageID) throws(LeaseStoreError) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let status = MemberStatus(rawValue: String(parts[0])), let created = Int64(parts[1]),
            let updated = Int64(parts[2])
        else { throw .malformed(reason: "image \(image) has a member that cannot be read") }
        self.init(status: status, createdAtMs: created, updatedAtMs: updated)
    }
}

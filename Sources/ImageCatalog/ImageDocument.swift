package import ImportModel

/// An image as the Image API shows it.
package struct ImageDocument: Sendable {
    private let image: ImageRecord
    private let order: ReadingOrder

    /// - Parameter order: of the image's stores.
    package init(_ image: ImageRecord, _ order: ReadingOrder = ReadingOrder()) {
        self.image = image
        self.order = order
    }

    /// Base attributes are always there, null where unset; free properties stand beside them.
    package var json: JSON {
        var members = image.properties.mapValues(JSON.string)
        members.merge(attributes) { _, base in base }
        members.merge(importState) { _, state in state }
        if !image.locations.isEmpty {
            members["stores"] = .string(order.sorted(image.locations.keys).map(\.rawValue).joined(separator: ","))
        }
        return .object(members)
    }

    private var attributes: [String: JSON] {
        [
            "id": .string(image.id.rawValue),
            "name": JSON(image.name),
            "status": .string(image.status.rawValue),
            "visibility": .string(image.visibility.rawValue),
            "owner": JSON(image.owner),
            "size": JSON(image.sizeBytes),
            "virtual_size": JSON(image.virtualSizeBytes),
            "checksum": JSON(image.digests?.md5),
            "os_hash_algo": JSON(image.digests.map { _ in "sha512" }),
            "os_hash_value": JSON(image.digests?.sha512),
            "os_hidden": .bool(image.isHidden),
            "protected": .bool(image.isProtected),
            "min_disk": .integer(Int64(image.minDisk)),
            "min_ram": .integer(Int64(image.minRAM)),
            "disk_format": JSON(image.diskFormat),
            "container_format": JSON(image.containerFormat),
            "tags": .array(image.tags.sorted().map(JSON.string)),
            "created_at": .string(APITime.text(image.createdAtMs)),
            "updated_at": .string(APITime.text(image.updatedAtMs)),
            "self": .string("/v2/images/\(image.id)"),
            "file": .string("/v2/images/\(image.id)/file"),
            "schema": .string("/v2/schemas/image"),
        ]
    }

    /// Clients wait on these lists, so once an import was asked for they stay, empty or not.
    private var importState: [String: JSON] {
        var members: [String: JSON] = [:]
        if let stores = image.importingToStores {
            members["os_glance_importing_to_stores"] = .string(stores.map(\.rawValue).joined(separator: ","))
        }
        if let stores = image.failedStores {
            members["os_glance_failed_import"] = .string(stores.map(\.rawValue).joined(separator: ","))
        }
        if let task = image.lockedBy, isImporting { members["os_glance_import_task"] = .string(task.rawValue) }
        return members
    }

    /// Whether it is an import that holds the image's lock, and not an upload or a staging, which are no tasks of the
    /// Image API.
    private var isImporting: Bool { [.importing, .active, .deactivated].contains(image.status) }
}

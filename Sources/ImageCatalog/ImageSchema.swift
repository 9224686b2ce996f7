import ImportModel

/// The base attributes of an image, described.
enum ImageSchema {
    static var properties: [String: JSON] {
        var properties: [String: JSON] = [
            "id": .object([
                "type": .string("string"), "description": .string("An identifier for the image"),
                "pattern": .string(uuidPattern),
            ]),
            "name": text("A descriptive name for the image"),
            "owner": text("The project that the image belongs to"),
            "visibility": Schemas.choice(["community", "public", "private", "shared"], "Who may see the image"),
            "protected": Schemas.type("boolean", "Whether the image cannot be deleted"),
            "os_hidden": Schemas.type("boolean", "Whether the image is left out of lists"),
            "disk_format": nullableChoice(ImageAttribute.diskFormats, "The format of the disk"),
            "container_format": nullableChoice(ImageAttribute.containerFormats, "The format of the container"),
            "min_disk": Schemas.type("integer", "Disk space that the image needs to boot, in GiB"),
            "min_ram": Schemas.type("integer", "Memory that the image needs to boot, in MiB"),
            "tags": .object([
                "type": .string("array"), "description": .string("Words that are stuck to the image"),
                "items": .object(["type": .string("string"), "maxLength": .integer(255)]),
            ]),
        ]
        for (name, schema) in readOnly {
            guard var members = schema.object else { continue }
            members["readOnly"] = .bool(true)
            properties[name] = .object(members)
        }
        return properties
    }

    private static let readOnly: [String: JSON] = [
        "status": Schemas.choice(
            [
                "queued", "saving", "uploading", "importing", "active", "killed", "deleted", "pending_delete",
                "deactivated",
            ], "The status of the image"),
        "size": Schemas.nullable("integer", "Size of the stored file, in bytes"),
        "virtual_size": Schemas.nullable("integer", "Size of the disk that the file holds, in bytes"),
        "checksum": Schemas.nullable("string", "MD5 of the stored file"),
        "os_hash_algo": Schemas.nullable("string", "The algorithm of os_hash_value"),
        "os_hash_value": Schemas.nullable("string", "The digest of the stored file, in hexadecimal"),
        "created_at": Schemas.type("string", "When the image was created"),
        "updated_at": Schemas.type("string", "When the image was last changed"),
        "stores": Schemas.type("string", "The stores that hold the image, separated by commas"),
        "self": Schemas.type("string", "The path of this image"),
        "file": Schemas.type("string", "The path of the image's file"),
        "schema": Schemas.type("string", "The path of this schema"),
    ]

    private static let uuidPattern =
        "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"

    private static func text(_ description: String) -> JSON {
        .object([
            "type": .array([.string("null"), .string("string")]), "description": .string(description),
            "maxLength": .integer(255),
        ])
    }

    private static func nullableChoice(_ values: [String], _ description: String) -> JSON {
        .object([
            "type": .array([.string("null"), .string("string")]), "description": .string(description),
            "enum": .array([.null] + values.map(JSON.string)),
        ])
    }
}

/// The names that an image's document may have, and how large what a user sets may be.
package enum ImageAttribute {
    package static let readOnly: Set<String> = [
        "id", "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at", "updated_at",
        "direct_url", "self", "file", "schema", "stores", "locations",
    ]
    package static let reserved: Set<String> = ["location", "deleted", "deleted_at"]
    package static let reservedPrefix = "os_glance"
    package static let settable: Set<String> = [
        "name", "visibility", "owner", "disk_format", "container_format", "min_disk", "min_ram", "protected",
        "os_hidden", "tags",
    ]

    package static let diskFormats = [
        "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
    ]
    package static let containerFormats = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]

    /// In code points: what looks like one character can have any number of them.
    package static let maxNameLength = 255
    package static let maxValueBytes = 65_535
    package static let maxProperties = 128
    /// Of all properties together: a page of a thousand images has to fit into memory.
    package static let maxPropertyBytes = 256 << 10
    package static let maxTags = 128
}

import Foundation
package import ImportModel

/// An image as the Image API shows it: every member that the service sent, and names for those that matter here.
package struct ImageDocument: Hashable, Codable, Sendable {
    package let id: ImageID
    package let members: [String: JSONValue]

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        members = try container.decode([String: JSONValue].self)
        guard let id = members["id"]?.string.flatMap(ImageID.init(rawValue:)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "an image without an id")
        }
        self.id = id
    }

    /// The same with a member of the service's own, if there is a `value` for it.
    package func with(_ name: String, _ value: (some Encodable)?) throws -> ImageDocument {
        guard let value else { return self }
        return ImageDocument(
            id: id,
            members: members.merging(
                [name: try JSONDecoder().decode(JSONValue.self, from: FleetJSON.encode(value))]) { _, new in new })
    }

    private init(id: ImageID, members: [String: JSONValue]) {
        self.id = id
        self.members = members
    }

    package func encode(to encoder: any Encoder) throws { try members.encode(to: encoder) }

    package var name: String? { members["name"]?.string }
    package var status: String { members["status"]?.string ?? "" }
    package var diskFormat: String? { members["disk_format"]?.string }
    package var containerFormat: String? { members["container_format"]?.string }
    package var visibility: String { members["visibility"]?.string ?? "" }
    /// Bytes; `nil` before there is data.
    package var size: Int64? { members["size"]?.integer }
    package var stores: String { members["stores"]?.string ?? "" }
    /// `2026-01-01T00:00:00Z`
    package var createdAt: String { members["created_at"]?.string ?? "" }

    /// The members in an order for people: what an image is, what it holds, then everything else by name.
    package var orderedMembers: [(name: String, value: JSONValue)] {
        let known = Self.firstMembers.filter { members[$0] != nil }
        let rest = members.keys.filter { !known.contains($0) && !Self.linkMembers.contains($0) }.sorted()
        return (known + rest).compactMap { name in members[name].map { (name, $0) } }
    }

    private static let firstMembers = [
        "id", "name", "status", "size", "virtual_size", "disk_format", "container_format", "stores", "checksum",
        "os_hash_algo", "os_hash_value", "visibility", "owner", "protected", "tags", "min_disk", "min_ram",
        "created_at", "updated_at",
    ]
    private static let linkMembers: Set<String> = ["self", "file", "schema"]
}

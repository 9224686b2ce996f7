import ImportModel
import LeaseStore

/// One condition of a list. Texts are compared byte by byte, as Redis does.
struct ImageFilter: Sendable {
    let matches: @Sendable (ImageRecord) -> Bool
    /// The fields of an image's hash that `matches` looks at.
    let fields: [String]
    /// Images among which all are that match, where an index knows them.
    let candidates: ImageSet?

    /// The condition that a query parameter stands for; any name that is no attribute is a free property's.
    init(_ name: String, _ value: String) throws(CatalogError) {
        fields = Self.fields(of: name, value)
        candidates = try Self.candidates(name, value)
        switch name {
        case "name", "id", "status", "disk_format", "container_format":
            matches = try Self.text(name, value)
        case "created_at": matches = try Self.time(name, value) { $0.createdAtMs }
        case "updated_at": matches = try Self.time(name, value) { $0.updatedAtMs }
        case "size_min":
            let bound = try Self.size(name, value)
            matches = { $0.sizeBytes.map { $0 >= bound } ?? false }
        case "size_max":
            let bound = try Self.size(name, value)
            matches = { $0.sizeBytes.map { $0 <= bound } ?? false }
        case "protected":
            let flag = try Self.flag(name, value)
            matches = { $0.isProtected == flag }
        case "os_hidden":
            let flag = try Self.flag(name, value)
            matches = { $0.isHidden == flag }
        case "tag": matches = { $0.tags.contains { Self.isSame($0, value) } }
        case "owner": matches = { Self.isSame($0.owner, value) }
        case "checksum": matches = { $0.digests?.md5 == value }
        case "os_hash_value": matches = { $0.digests?.sha512 == value }
        case "os_hash_algo": matches = { $0.digests != nil && value == "sha512" }
        case "min_disk", "min_ram", "size", "virtual_size": matches = try Self.number(name, value)
        default: matches = { Self.isSame($0.properties[name], value) }
        }
    }

    private static func text(_ name: String, _ value: String) throws(CatalogError) -> @Sendable (ImageRecord) -> Bool {
        let wanted = Set(try wanted(value).map { Array($0.utf8) })
        return { image in
            let actual: String? =
                switch name {
                case "name": image.name
                case "id": image.id.rawValue
                case "status": image.status.rawValue
                case "disk_format": image.diskFormat
                default: image.containerFormat
                }
            return actual.map { wanted.contains(Array($0.utf8)) } ?? false
        }
    }

    /// The texts of which one must be there.
    private static func wanted(_ value: String) throws(CatalogError) -> [String] {
        let (op, operand) = split(value)
        switch op {
        case nil, "eq": return [operand]
        case "in": return try list(operand)
        case let other?:
            throw .invalid("Unable to filter by unknown operator '\(other.prefix(32))'; use in: or eq:.")
        }
    }

    private static func isSame(_ text: String?, _ other: String) -> Bool {
        text.map { $0.utf8.elementsEqual(other.utf8) } ?? false
    }

    private static func fields(of name: String, _ value: String) -> [String] {
        switch name {
        case "id": []
        case "name", "status", "owner", "protected", "disk_format", "container_format", "created_at", "updated_at",
            "min_disk", "min_ram", "size", "virtual_size":
            // In the hash they are called the same.
            [name]
        case "size_min", "size_max": [ImageField.size]
        case "os_hidden": [ImageField.hidden]
        case "tag": [ImageField.tagPrefix + value]
        case "checksum", "os_hash_value", "os_hash_algo": [ImageField.md5, ImageField.sha512]
        default: [ImageField.propertyPrefix + name]
        }
    }

    private static func candidates(_ name: String, _ value: String) throws(CatalogError) -> ImageSet? {
        switch name {
        case "id": .ids(Set(try wanted(value)).sorted().compactMap(ImageID.init(rawValue:)))
        case "name": .named(Set(try wanted(value)).sorted())
        case "tag": .union([.tag(value)])
        case "owner": .union([.owner(value)])
        case "os_hidden": try flag(name, value) ? .union([.hidden]) : nil
        case "status": try wanted(value).contains(ImageStatus.active.rawValue) ? nil : .union([.inactive])
        default: nil
        }
    }

    private static func time(
        _ name: String, _ value: String, _ of: @escaping @Sendable (ImageRecord) -> Int64
    ) throws(CatalogError) -> @Sendable (ImageRecord) -> Bool {
        // A time has colons of its own.
        let (op, operand) = APITime.parse(value) == nil ? split(value) : (nil, value)
        guard let bound = APITime.parse(operand) else {
            throw .invalid("\(name) must be compared with a time such as 2026-01-01T00:00:00Z.")
        }
        // Seconds, as clients see them: what is shown as equal is equal.
        let second = bound / 1000
        switch op {
        case nil, "eq": return { of($0) / 1000 == second }
        case "neq": return { of($0) / 1000 != second }
        case "gt": return { of($0) / 1000 > second }
        case "gte": return { of($0) / 1000 >= second }
        case "lt": return { of($0) / 1000 < second }
        case "lte": return { of($0) / 1000 <= second }
        case let other?:
            throw .invalid(
                "Unable to filter by unknown operator '\(other.prefix(32))'; use gt, gte, lt, lte, eq or neq.")
        }
    }

    private static func number(_ name: String, _ value: String) throws(CatalogError) -> @Sendable (ImageRecord) -> Bool
    {
        let wanted = try size(name, value)
        return { image in
            let actual: Int64? =
                switch name {
                case "min_disk": Int64(image.minDisk)
                case "min_ram": Int64(image.minRAM)
                case "size": image.sizeBytes
                default: image.virtualSizeBytes
                }
            return actual == wanted
        }
    }

    private static func size(_ name: String, _ value: String) throws(CatalogError) -> Int64 {
        guard let number = Int64(value), number >= 0 else {
            throw .invalid("\(name) must be a whole number, 0 or more.")
        }
        return number
    }

    private static func flag(_ name: String, _ value: String) throws(CatalogError) -> Bool {
        switch value.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw .invalid("\(name) must be true or false.")
        }
    }

    private static func split(_ value: String) -> (op: String?, operand: String) {
        guard let colon = value.firstIndex(of: ":") else { return (nil, value) }
        return (String(value[..<colon]), String(value[value.index(after: colon)...]))
    }

    /// `a,"b,c"`: items may be quoted, and then hold commas.
    private static func list(_ text: String) throws(CatalogError) -> [String] {
        var items: [String] = []
        var rest = text[...]
        while true {
            if rest.first == "\"" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: "\"") else {
                    throw .invalid("A quote is not closed in '\(text.prefix(64))'.")
                }
                items.append(String(rest[..<end]))
                rest = rest[rest.index(after: end)...]
                guard rest.isEmpty || rest.first == "," else {
                    throw .invalid("A comma must follow the closing quote in '\(text.prefix(64))'.")
                }
            } else {
                let item = rest.prefix { $0 != "," }
                items.append(String(item))
                rest = rest[item.endIndex...]
            }
            guard rest.first == "," else { return items }
            rest = rest.dropFirst()
        }
    }
}

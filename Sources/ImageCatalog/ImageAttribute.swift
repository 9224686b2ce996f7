import ImportModel

extension ImageAttribute {
    /// Refuses names that are not a user's to write.
    static func admitWriting(_ name: String) throws(CatalogError) {
        if readOnly.contains(name) { throw .forbidden("Attribute '\(name)' is read-only.") }
        if reserved.contains(name) || name.hasPrefix(reservedPrefix) {
            throw .forbidden("Attribute '\(name.prefix(64))' is reserved.")
        }
    }

    /// Refuses tags that are too long, and too many of them.
    static func admit(tags: Set<String>) throws(CatalogError) {
        guard tags.allSatisfy({ (1...maxNameLength).contains($0.unicodeScalars.count) }) else {
            throw .invalid("Each tag must be a string of 1 to \(maxNameLength) characters.")
        }
        guard tags.count <= maxTags else { throw .tooMuch("An image has at most \(maxTags) tags.") }
    }
}

extension ImageRecord {
    /// Sets a base attribute or a free property, after checking name, type and right.
    mutating func set(_ attribute: String, to value: JSON, by caller: Caller) throws(CatalogError) {
        try ImageAttribute.admitWriting(attribute)
        switch attribute {
        case "name": name = try Self.text(attribute, value)
        case "owner": owner = try Self.owner(value, caller)
        case "visibility": visibility = try newVisibility(value, caller)
        case "disk_format": diskFormat = try Self.choice(attribute, value, of: ImageAttribute.diskFormats)
        case "container_format":
            containerFormat = try Self.choice(attribute, value, of: ImageAttribute.containerFormats)
        case "min_disk": minDisk = try Self.size(attribute, value)
        case "min_ram": minRAM = try Self.size(attribute, value)
        case "protected": isProtected = try Self.flag(attribute, value)
        case "os_hidden": isHidden = try Self.flag(attribute, value)
        case "tags": tags = try Self.tags(value)
        default: try setProperty(attribute, to: value)
        }
    }

    private mutating func setProperty(_ property: String, to value: JSON) throws(CatalogError) {
        guard !property.isEmpty, property.unicodeScalars.count <= ImageAttribute.maxNameLength else {
            throw .invalid("The name of a property must have 1 to \(ImageAttribute.maxNameLength) characters.")
        }
        guard let text = value.string, text.utf8.count <= ImageAttribute.maxValueBytes else {
            throw .invalid(
                "Property '\(property)' must be a string of at most \(ImageAttribute.maxValueBytes) bytes.")
        }
        // An import may have set more than that; what is there already may still be changed, and made less.
        let before = (count: properties.count, bytes: propertyBytes)
        properties[property] = text
        guard properties.count <= max(ImageAttribute.maxProperties, before.count) else {
            throw .tooMuch("An image has at most \(ImageAttribute.maxProperties) properties of its own.")
        }
        guard propertyBytes <= max(ImageAttribute.maxPropertyBytes, before.bytes) else {
            throw .tooMuch(
                "The properties of an image may have \(ImageAttribute.maxPropertyBytes) bytes in all, with their names."
            )
        }
    }

    private var propertyBytes: Int { properties.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }

    private static func text(_ attribute: String, _ value: JSON) throws(CatalogError) -> String? {
        if value == .null { return nil }
        guard let text = value.string, text.unicodeScalars.count <= ImageAttribute.maxNameLength else {
            throw .invalid("'\(attribute)' must be a string of at most 255 characters, or null.")
        }
        return text
    }

    private static func owner(_ value: JSON, _ caller: Caller) throws(CatalogError) -> String? {
        let owner = try text("owner", value)
        guard caller.isAdmin || owner == caller.project else {
            throw .forbidden("You are not permitted to create images owned by '\(owner?.prefix(64) ?? "nobody")'.")
        }
        return owner
    }

    private func newVisibility(_ value: JSON, _ caller: Caller) throws(CatalogError) -> Visibility {
        guard let visibility = value.string.flatMap(Visibility.init(rawValue:)) else {
            throw .invalid("'visibility' must be one of public, private, shared, community.")
        }
        guard visibility != .public || caller.may(.publicizeImage, self) else {
            throw caller.refusal(.publicizeImage, to: "make an image public")
        }
        guard visibility != .community || caller.may(.communitizeImage, self) else {
            throw caller.refusal(.communitizeImage, to: "make an image a community image")
        }
        return visibility
    }

    private static func choice(
        _ attribute: String, _ value: JSON, of choices: [String]
    ) throws(CatalogError) -> String? {
        if value == .null { return nil }
        guard let text = value.string, choices.contains(text) else {
            throw .invalid("'\(attribute)' must be one of \(choices.joined(separator: ", ")), or null.")
        }
        return text
    }

    private static func size(_ attribute: String, _ value: JSON) throws(CatalogError) -> Int {
        guard let number = value.integer, (0...Int64(Int32.max)).contains(number) else {
            throw .invalid("'\(attribute)' must be a whole number from 0 to \(Int32.max).")
        }
        return Int(number)
    }

    private static func flag(_ attribute: String, _ value: JSON) throws(CatalogError) -> Bool {
        guard let flag = value.bool else { throw .invalid("'\(attribute)' must be true or false.") }
        return flag
    }

    private static func tags(_ value: JSON) throws(CatalogError) -> Set<String> {
        guard let items = value.array else { throw .invalid("'tags' must be a list of strings.") }
        var tags: Set<String> = []
        for item in items {
            guard let tag = item.string else { throw .invalid("Each tag must be a string.") }
            tags.insert(tag)
        }
        try ImageAttribute.admit(tags: tags)
        return tags
    }
}

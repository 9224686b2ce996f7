/// Properties that the operator has imports set on their images, and who is spared them.
package struct MetadataInjection: Hashable, Sendable {
    /// By their names in the API.
    package let properties: [String: String]
    /// Requests by anyone with one of these roles are left as they are.
    package let ignoredRoles: Set<String>

    package static let none = MetadataInjection()

    /// Every import that waits carries them.
    static let maxBytes = 16 << 10

    private init() {
        properties = [:]
        ignoredRoles = []
    }

    /// - Throws: for names that are the service's own, and for more than an import may carry.
    package init(_ properties: [String: String], ignoredRoles: Set<String>) throws(InvalidValue) {
        for name in properties.keys.sorted() { try Self.admit(name) }
        guard properties.count <= ImageAttribute.maxProperties else {
            throw InvalidValue("an image has at most \(ImageAttribute.maxProperties) properties of its own")
        }
        let bytes = properties.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard bytes <= Self.maxBytes else {
            throw InvalidValue("names and values have \(bytes) bytes together, and may have \(Self.maxBytes)")
        }
        self.properties = properties
        self.ignoredRoles = ignoredRoles
    }

    /// What an import gets that is asked for by somebody with these roles.
    package func properties(for roles: Set<String>) -> [String: String] {
        ignoredRoles.isDisjoint(with: roles) ? properties : [:]
    }

    private static func admit(_ name: String) throws(InvalidValue) {
        let shown = name.prefix(64)
        guard !name.isEmpty, name.unicodeScalars.count <= ImageAttribute.maxNameLength else {
            throw InvalidValue("the name '\(shown)' must have 1 to \(ImageAttribute.maxNameLength) characters")
        }
        guard !name.contains("="), name.first?.isWhitespace == false, name.last?.isWhitespace == false else {
            throw InvalidValue("the name '\(shown)' has an equals sign in it, or white space around it")
        }
        guard !name.hasPrefix(ImageAttribute.reservedPrefix) else {
            throw InvalidValue("the name '\(shown)' begins with \(ImageAttribute.reservedPrefix), which is reserved")
        }
        let taken = ImageAttribute.readOnly.union(ImageAttribute.reserved).union(ImageAttribute.settable)
        guard !taken.contains(name) else {
            throw InvalidValue("the name '\(shown)' is an attribute of every image, and no property")
        }
    }
}

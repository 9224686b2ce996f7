import ImportModel

/// The changes of a `PATCH`, in either of the two media types that clients use.
package struct ImagePatch: Hashable, Sendable {
    /// RFC 6902, without `test`, `move` and `copy`.
    package static let mediaType = "application/openstack-images-v2.1-json-patch"
    /// An older draft: `{"add": "/name", "value": …}`. Adding what is there already is a conflict.
    package static let olderMediaType = "application/openstack-images-v2.0-json-patch"

    enum Verb: String { case add, replace, remove }

    struct Change: Hashable, Sendable {
        var verb: Verb
        var name: String
        var value: JSON
    }

    let changes: [Change]
    let isOlder: Bool

    /// - Parameter mediaType: what the client sent, without parameters.
    package init(mediaType: String, body: JSON) throws(CatalogError) {
        switch mediaType.lowercased() {
        case Self.mediaType: isOlder = false
        case Self.olderMediaType: isOlder = true
        default:
            throw .unsupportedMediaType("Send the patch as \(Self.mediaType) or \(Self.olderMediaType).")
        }
        guard let operations = body.array else {
            throw .invalid("The body must be a JSON array of operations.")
        }
        var changes: [Change] = []
        for operation in operations {
            guard let members = operation.object else { throw .invalid("Each operation must be a JSON object.") }
            changes.append(isOlder ? try Self.older(members) : try Self.current(members))
        }
        self.changes = changes
    }

    private static func current(_ members: [String: JSON]) throws(CatalogError) -> Change {
        guard let word = members["op"]?.string, let verb = Verb(rawValue: word) else {
            throw .invalid("'op' must be add, replace or remove.")
        }
        guard let path = members["path"]?.string else { throw .invalid("'path' is missing, or no string.") }
        return try change(verb, path, members["value"])
    }

    private static func older(_ members: [String: JSON]) throws(CatalogError) -> Change {
        let verbs = members.keys.compactMap(Verb.init(rawValue:))
        guard verbs.count == 1, let verb = verbs.first, let path = members[verb.rawValue]?.string else {
            throw .invalid("Each operation must have exactly one of 'add', 'replace' and 'remove', with a path.")
        }
        return try change(verb, path, members["value"])
    }

    private static func change(_ verb: Verb, _ path: String, _ value: JSON?) throws(CatalogError) -> Change {
        guard verb == .remove || value != nil else { throw .invalid("'value' is missing.") }
        return Change(verb: verb, name: try name(path), value: value ?? .null)
    }

    /// The attribute that a JSON pointer names. There is one level only.
    private static func name(_ path: String) throws(CatalogError) -> String {
        // By scalars: an accent behind a mark makes another character of it, and the mark stays what it is.
        let parts = path.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].isEmpty, !parts[1].isEmpty else {
            throw .invalid("'\(path.prefix(64))' is no path: it must be '/' and the name of an attribute.")
        }
        if parts[1].elementsEqual("locations".unicodeScalars) {
            throw .forbidden("Locations cannot be changed through this API.")
        }
        guard parts.count == 2 else {
            throw .invalid("'\(path.prefix(64))' is too deep: attributes have no parts that can be changed alone.")
        }
        guard let name = unescaped(parts[1]) else {
            throw .invalid("'\(path.prefix(64))' is no path: '~' must be followed by 0 or 1.")
        }
        return name
    }

    private static func unescaped(_ part: Substring.UnicodeScalarView) -> String? {
        var name = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in part {
            switch scalar {
            case "0" where isEscaped: name.append("~")
            case "1" where isEscaped: name.append("/")
            case _ where isEscaped: return nil
            case "~":
                isEscaped = true
                continue
            default: name.append(scalar)
            }
            isEscaped = false
        }
        return isEscaped ? nil : String(name)
    }

    /// The image with all changes made, or the first refusal.
    func applied(to image: ImageRecord, by caller: Caller) throws(CatalogError) -> ImageRecord {
        var changed = image
        for change in changes { try apply(change, to: &changed, by: caller) }
        return changed
    }

    private func shown(_ change: Change) -> Substring { change.name.prefix(64) }

    private func apply(_ change: Change, to image: inout ImageRecord, by caller: Caller) throws(CatalogError) {
        try ImageAttribute.admitWriting(change.name)
        let isBase = ImageAttribute.settable.contains(change.name)
        let exists = isBase || image.properties[change.name] != nil
        switch change.verb {
        case .add where isOlder && exists: throw .conflict("Property \(shown(change)) already present.")
        case .replace where !exists: throw .conflict("Property \(shown(change)) does not exist.")
        case .remove where isBase: throw .forbidden("Property \(shown(change)) may not be removed.")
        case .remove where !exists: throw .conflict("Property \(shown(change)) does not exist.")
        case .remove: image.properties[change.name] = nil
        case .add, .replace:
            if change.name == "disk_format" || change.name == "container_format" {
                guard image.status == .queued || image.status == .importing else {
                    let status = image.status.rawValue
                    throw .forbidden(
                        "Attribute \(change.name) can be only replaced for a queued image; this one is \(status).")
                }
            }
            try image.set(change.name, to: change.value, by: caller)
        }
    }
}

import ImportModel
import LeaseStore

/// The order of a list of images.
struct ImageOrder: Sendable {
    enum Key: String, CaseIterable {
        case name, status, containerFormat = "container_format", diskFormat = "disk_format", size, id
        case createdAt = "created_at"
        case updatedAt = "updated_at"
    }

    struct Term: Hashable, Sendable {
        var key: Key
        var isDescending: Bool
    }

    /// Ends with creation and id, so that no two images are equal.
    let terms: [Term]

    init(_ parameters: [ImageQuery.Parameter]) throws(CatalogError) {
        func all(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }
        let (sorts, keys, directions) = (all("sort"), all("sort_key"), all("sort_dir"))
        guard sorts.count <= 1 else { throw .invalid("'sort' may be given once; separate keys by commas.") }
        var terms: [Term] = []
        if let sort = sorts.first {
            guard keys.isEmpty, directions.isEmpty else {
                throw .invalid("'sort' cannot be used together with 'sort_key' and 'sort_dir'.")
            }
            for part in sort.split(separator: ",", omittingEmptySubsequences: false) {
                let pair = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                terms.append(try Self.term(String(pair[0]), pair.count == 2 ? String(pair[1]) : "desc"))
            }
        } else {
            let named = keys.isEmpty ? [Key.createdAt.rawValue] : keys
            guard directions.count <= 1 || directions.count == named.count else {
                throw .invalid("Give 'sort_dir' once, or as often as 'sort_key'.")
            }
            for (index, key) in named.enumerated() {
                let direction = directions.count > 1 ? directions[index] : directions.first ?? "desc"
                terms.append(try Self.term(key, direction))
            }
        }
        let isDescending = terms.first?.isDescending ?? true
        for key in [Key.createdAt, .id] where !terms.contains(where: { $0.key == key }) {
            terms.append(Term(key: key, isDescending: isDescending))
        }
        self.terms = terms
    }

    private static func term(_ key: String, _ direction: String) throws(CatalogError) -> Term {
        guard let known = Key(rawValue: key) else {
            let names = Key.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("Cannot sort by '\(key.prefix(64))'; use one of \(names).")
        }
        guard direction == "asc" || direction == "desc" else {
            throw .invalid("The direction of a sort must be asc or desc.")
        }
        return Term(key: known, isDescending: direction == "desc")
    }

    var isDescending: Bool { terms[0].isDescending }

    /// The index that has the order of the first key; `nil` where none has.
    var index: ImageIndex? {
        switch terms[0].key {
        case .createdAt: .images
        case .updatedAt: .updated
        case .name: .name
        case .status, .containerFormat, .diskFormat, .size, .id: nil
        }
    }

    /// Whether that index has just this order, and not only that of the first key.
    var isOfIndex: Bool {
        let keys: [Key] =
            switch terms[0].key {
            case .createdAt: [.createdAt, .id]
            case .name: [.name, .createdAt, .id]
            default: []
            }
        return !keys.isEmpty && terms.starts(with: keys.map { Term(key: $0, isDescending: isDescending) })
    }

    /// The fields of an image's hash that its place depends on.
    var fields: [String] {
        terms.compactMap { term in
            switch term.key {
            case .name: ImageField.name
            case .status: ImageField.status
            case .containerFormat: ImageField.containerFormat
            case .diskFormat: ImageField.diskFormat
            case .size: ImageField.size
            case .id: nil
            case .createdAt: ImageField.createdAt
            case .updatedAt: ImageField.updatedAt
            }
        }
    }

    /// Whether one comes before the other by the first key alone.
    func precedesByFirst(_ left: ImageRecord, _ right: ImageRecord) -> Bool {
        let (first, second) = isDescending ? (right, left) : (left, right)
        return Self.isLess(first, second, by: terms[0].key)
    }

    func precedes(_ left: ImageRecord, _ right: ImageRecord) -> Bool {
        for term in terms {
            let (first, second) = term.isDescending ? (right, left) : (left, right)
            if Self.isLess(first, second, by: term.key) { return true }
            if Self.isLess(second, first, by: term.key) { return false }
        }
        return false
    }

    /// Images without a value come before all others.
    private static func isLess(_ left: ImageRecord, _ right: ImageRecord, by key: Key) -> Bool {
        switch key {
        case .name: isLess(left.name.map(Bytes.init), right.name.map(Bytes.init))
        case .status: left.status.rawValue < right.status.rawValue
        case .containerFormat: isLess(left.containerFormat.map(Bytes.init), right.containerFormat.map(Bytes.init))
        case .diskFormat: isLess(left.diskFormat.map(Bytes.init), right.diskFormat.map(Bytes.init))
        case .size: isLess(left.sizeBytes, right.sizeBytes)
        case .id: left.id.rawValue < right.id.rawValue
        case .createdAt: left.createdAtMs < right.createdAtMs
        case .updatedAt: left.updatedAtMs < right.updatedAtMs
        }
    }

    private static func isLess<Value: Comparable>(_ left: Value?, _ right: Value?) -> Bool {
        switch (left, right) {
        case (nil, nil), (.some, nil): false
        case (nil, .some): true
        case (let left?, let right?): left < right
        }
    }
}

/// A text that is compared byte by byte, as Redis does; to Swift, letters are equal that are written in different ways.
private struct Bytes: Comparable {
    let text: String

    static func == (left: Bytes, right: Bytes) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
    static func < (left: Bytes, right: Bytes) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }
}

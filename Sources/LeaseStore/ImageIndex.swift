package import ImportModel

/// A set of images that the scripts keep for lists; `docs/protocol.md` says what is in each.
///
/// It only proposes: whether an image is listed, its record decides.
package enum ImageIndex: Hashable, Sendable {
    /// Every image, by creation. So are those below; but for the last two, which have orders of their own.
    case images
    case owner(String)
    case visibility(Visibility)
    /// Those that are shared with a project, whatever it said to that.
    case member(String)
    case tag(String)
    case hidden
    /// Those that are not `active`.
    case inactive
    /// Every image, by its last change.
    case updated
    /// Every image, by name.
    case name

    var suffix: String {
        switch self {
        case .images: "images"
        case .owner(let project): "owner:" + project
        case .visibility(let visibility): "visibility:" + visibility.rawValue
        case .member(let project): "member:" + project
        case .tag(let tag): "tag:" + tag
        case .hidden: "hidden"
        case .inactive: "inactive"
        case .updated: "updated"
        case .name: "name"
        }
    }

    /// Where an image stands in it, as its record says.
    package func place(of image: ImageRecord) -> IndexPlace {
        switch self {
        case .name: IndexPlace(score: 0, entry: IndexPlace.entry(name: image.name, of: image))
        case .updated: IndexPlace(score: image.updatedAtMs, entry: image.id.rawValue)
        default: IndexPlace(score: image.createdAtMs, entry: image.id.rawValue)
        }
    }

    /// A place before all images whose first attribute in this order is that of `image`, and behind all that come
    /// before these.
    package func edge(of image: ImageRecord, isDescending: Bool) -> IndexPlace {
        guard self == .name else {
            // Ids are hexadecimal digits.
            return IndexPlace(score: place(of: image).score, entry: isDescending ? "g" : "")
        }
        guard let name = image.name else { return IndexPlace(score: 0, entry: isDescending ? "1" : "0") }
        let start = IndexPlace.start(ofName: name)
        return IndexPlace(score: 0, entry: start + (isDescending ? "\0\u{1}" : "\0\0"))
    }
}

/// Where an image stands in an index: Redis compares the score, then the entry's bytes.
package struct IndexPlace: Hashable, Sendable {
    package let score: Int64
    /// Ends with the image's id.
    package let entry: String

    init(score: Int64, entry: String) {
        self.score = score
        self.entry = entry
    }

    /// `nil` where the entry is none of an image.
    package var id: ImageID? {
        String(validating: entry.utf8.suffix(36), as: UTF8.self).flatMap(ImageID.init(rawValue:))
    }

    package func isBefore(_ other: IndexPlace) -> Bool {
        score == other.score ? entry.utf8.lexicographicallyPrecedes(other.entry.utf8) : score < other.score
    }

    /// As the scripts make it: the two zeros keep a name before all names that begin with it.
    fileprivate static func entry(name: String?, of image: ImageRecord) -> String {
        let digits = String(image.createdAtMs)
        let rest = String(repeating: "0", count: max(0, 13 - digits.count)) + digits + image.id.rawValue
        return name.map { start(ofName: $0) + "\0\0" + rest } ?? "0" + rest
    }

    static func start(ofName name: String) -> String {
        "1" + String(decoding: name.utf8.flatMap { $0 == 0 ? [0, 1] : [$0] }, as: UTF8.self)
    }
}

/// Images among which all those of a list are.
package enum ImageSet: Hashable, Sendable {
    /// Those of any of these indexes; all of them are by creation.
    case union([ImageIndex])
    /// Those with one of these names.
    case named([String])
    case ids([ImageID])
}

package import ImportModel

/// One store as configured: its id, where it is, and whether images go there when nobody says otherwise.
package struct StoreSettings: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        /// A folder, by its absolute path.
        case filesystem(path: String)
        case s3(S3Place)

        /// What no two stores may share.
        var address: String {
            switch self {
            case .filesystem(let path): path
            case .s3(let place): place.address
            }
        }
    }

    package let id: StoreID
    package let place: Place
    package let description: String
    package internal(set) var isDefault: Bool
    /// Images are read from the store of the greatest weight that has them.
    package let weight: Int
    /// Whether nothing is written or deleted there.
    package let isReadOnly: Bool

    package init(
        id: StoreID, place: Place, description: String = "", isDefault: Bool = false, weight: Int = 0,
        isReadOnly: Bool = false
    ) {
        self.id = id
        self.place = place
        self.description = description
        self.isDefault = isDefault
        self.weight = weight
        self.isReadOnly = isReadOnly
    }

    /// Where the store is, as administrators may see it: nothing of its credentials.
    package var properties: [String: String] {
        switch place {
        case .filesystem(let path): ["data_dir": path]
        case .s3(let place):
            ["endpoint": place.endpoint, "bucket": place.bucket, "prefix": place.prefix].filter { !$0.value.isEmpty }
        }
    }

    /// `main=filesystem:/path` or `main=s3:https://host/bucket`, as in the environment, without credentials.
    package var compactText: String {
        switch place {
        case .filesystem(let path): "\(id)=filesystem:\(path)"
        case .s3(let place): "\(id)=s3:\(place.compactText)"
        }
    }
}

/// A store as somebody wrote it, before it has been checked.
struct WrittenStore {
    /// The keys of every store in the file.
    static let keys = ["id", "type", "path", "description", "default", "weight", "read-only"]

    var id: String?
    var type: String?
    var path: String?
    var description: String?
    var isDefault: String?
    var weight: String?
    var isReadOnly: String?
    /// The keys of a store of type `s3`.
    var s3: [String: String] = [:]
    var origin: String

    /// `main=filesystem:/path` or `main=s3:https://host/bucket/prefix?region=…`; `nil` when it has not that form.
    init?(compact: Substring, origin: String) {
        guard let equals = compact.firstIndex(of: "="),
            let colon = compact[equals...].firstIndex(of: ":")
        else { return nil }
        id = String(compact[..<equals])
        type = String(compact[compact.index(after: equals)..<colon])
        self.origin = origin
        let place = String(compact[compact.index(after: colon)...])
        guard type == "s3" else {
            path = place
            return
        }
        guard let values = S3Place.values(ofURL: place) else { return nil }
        s3 = values
    }

    init(origin: String) { self.origin = origin }

    /// The store, or what is wrong with it.
    func checked() throws(SettingsError) -> StoreSettings {
        var problems: [SettingsProblem] = []
        func complain(_ part: String, _ value: String?, _ finding: String, _ remedy: String) {
            problems.append(
                SettingsProblem(
                    key: "stores.\(part)", value: value, origin: origin, finding: finding, remedy: remedy))
        }
        let storeID = id.flatMap(StoreID.init(rawValue:))
        if storeID == nil {
            complain(
                "id", id, id == nil ? "is missing" : "is no id of a store",
                "write 1 to 64 of a-z A-Z 0-9 _ . - that do not start with a dot")
        }
        var place: StoreSettings.Place?
        switch type {
        case "filesystem":
            for key in s3.keys.sorted() { complain(key, nil, "is for stores of type s3", "leave it out") }
            if let path, path.hasPrefix("/"), path != "/" {
                place = .filesystem(path: path)
            } else {
                complain(
                    "path", path, path == nil ? "is missing" : "is no folder for a store",
                    "write an absolute path, such as /srv/longshore/main")
            }
        case "s3":
            if path != nil { complain("path", path, "is for stores of type filesystem", "write bucket and prefix") }
            place = S3Place(s3) { key, finding, remedy in
                complain(key, S3Place.secrets.contains(key) ? nil : s3[key], finding, remedy)
            }.map { .s3($0) }
        default:
            complain("type", type, type == nil ? "is missing" : "is no type of store", "write filesystem or s3")
        }
        let marked = isDefault.map { FlagText.parse($0) } ?? false
        if marked == nil { complain("default", isDefault, "is neither true nor false", "write true or false") }
        let weighs = weight.map { Int($0) } ?? 0
        if weighs == nil { complain("weight", weight, "is no whole number", "write one such as 100") }
        let closed = isReadOnly.map { FlagText.parse($0) } ?? false
        if closed == nil { complain("read-only", isReadOnly, "is neither true nor false", "write true or false") }
        if marked == true, closed == true {
            complain("read-only", isReadOnly, "is true for the default store", "make another store the default")
        }
        guard problems.isEmpty, let storeID, let place, let marked, let weighs, let closed else {
            throw SettingsError(problems: problems)
        }
        return StoreSettings(
            id: storeID, place: place, description: description ?? "", isDefault: marked, weight: weighs,
            isReadOnly: closed)
    }
}

/// How people write yes and no.
enum FlagText {
    static func parse(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }
}

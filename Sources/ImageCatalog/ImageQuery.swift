import ImportModel
import LeaseStore

/// What `GET /v2/images` asks for.
package struct ImageQuery: Sendable {
    package static let defaultLimit = 25
    package static let maxLimit = 1000

    package typealias Parameter = (name: String, value: String)

    package let limit: Int
    /// The image after which the page begins.
    let marker: ImageID?
    let order: ImageOrder
    /// `nil`: what the caller sees unasked.
    private let visibility: String?
    /// Of the images that are shared with the caller's project, those to which it said this; `nil`: all.
    private let answer: MemberStatus?
    private let filters: [ImageFilter]
    private let parameters: [Parameter]

    private static let unsupported: Set<String> = ["changes-since"]
    private static let paging: Set<String> = ["limit", "marker", "sort", "sort_key", "sort_dir"]

    /// - Parameter parameters: the query of the URL, decoded, in its order.
    package init(_ parameters: [Parameter]) throws(CatalogError) {
        self.parameters = parameters
        func last(_ name: String) -> String? { parameters.last { $0.name == name }?.value }
        if let name = parameters.first(where: { Self.unsupported.contains($0.name) })?.name {
            throw .invalid("'\(name)' is not supported; use updated_at=gte:<time>.")
        }
        limit = try Self.limit(last("limit"))
        if let text = last("marker") {
            guard let id = ImageID(rawValue: text) else {
                throw .invalid("marker '\(text.prefix(64))' is not the id of an image.")
            }
            marker = id
        } else {
            marker = nil
        }
        order = try ImageOrder(parameters)
        visibility = try Self.visibility(last("visibility"))
        answer = try Self.answer(last("member_status"))
        var filters: [ImageFilter] = []
        for parameter in parameters
        where !Self.paging.contains(parameter.name) && !["visibility", "member_status"].contains(parameter.name) {
            filters.append(try ImageFilter(parameter.name, parameter.value))
        }
        if last("os_hidden") == nil { filters.append(try ImageFilter("os_hidden", "false")) }
        self.filters = filters
    }

    func matches(_ image: ImageRecord, for caller: Caller) -> Bool {
        let isWanted =
            switch visibility {
            case nil: caller.seesUnasked(image)
            case "all": true
            case let wanted?: image.visibility.rawValue == wanted
            }
        return isWanted && caller.lists(image, sharedAnd: answer) && filters.allSatisfy { $0.matches(image) }
    }

    /// The fields of an image's hash by which it is known whether it is listed, and where.
    func fields(for caller: Caller) -> [String] {
        let common = [ImageField.owner, ImageField.visibility, ImageField.memberPrefix + caller.project]
        return Set(filters.flatMap(\.fields) + order.fields + common).sorted()
    }

    /// Sets of images; all that are listed are in each of them. One or more.
    func candidates(for caller: Caller) -> [ImageSet] {
        var sets = filters.compactMap(\.candidates)
        let wanted = visibility.flatMap(Visibility.init(rawValue:))
        if let wanted { sets.append(.union([.visibility(wanted)])) }
        if !caller.mayListAll {
            var view: [ImageIndex] = []
            if !caller.project.isEmpty { view += [.owner(caller.project), .member(caller.project)] }
            if wanted == nil || wanted == .public { view.append(.visibility(.public)) }
            if visibility == "all" || wanted == .community { view.append(.visibility(.community)) }
            sets.append(.union(view))
        }
        return sets.isEmpty ? [.union([.images])] : sets
    }

    /// Where a page's list goes on behind an image; `nil`: where it begins.
    func link(marker: ImageID?) -> String {
        var kept = parameters.filter { $0.name != "marker" }
        if let marker { kept.append(("marker", marker.rawValue)) }
        let query = kept.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }
        return "/v2/images" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    private static func limit(_ text: String?) throws(CatalogError) -> Int {
        guard let text else { return defaultLimit }
        guard let limit = Int(text), limit >= 0 else {
            throw .invalid("limit must be a whole number, 0 or more.")
        }
        return min(limit, maxLimit)
    }

    private static func answer(_ text: String?) throws(CatalogError) -> MemberStatus? {
        guard text != "all" else { return nil }
        guard let answer = MemberStatus(rawValue: text ?? MemberStatus.accepted.rawValue) else {
            throw .invalid("member_status must be accepted, pending, rejected or all.")
        }
        return answer
    }

    private static func visibility(_ text: String?) throws(CatalogError) -> String? {
        guard let text else { return nil }
        guard text == "all" || Visibility(rawValue: text) != nil else {
            throw .invalid("visibility must be public, private, shared, community or all.")
        }
        return text
    }
}

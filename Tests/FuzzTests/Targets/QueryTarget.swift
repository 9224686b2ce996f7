@testable import ImageAPI
@testable import ImageCatalog
import ImportModel

/// Queries of lists: an order is one, and the link to the next page asks for the same list.
enum QueryTarget {
    private static let caller = Caller(project: "p1", user: "u1", roles: [])

    static func check(_ input: [UInt8]) throws(Violation) {
        let text = String(decoding: input, as: UTF8.self)
        try event(text)
        guard let parameters = PercentCoding.parameters(text) else { return }
        for (name, value) in parameters {
            let coded = "\(PercentCoding.encode(name))=\(PercentCoding.encode(value))"
            let again = PercentCoding.parameters(coded)?.first
            try require(again.map { $0 == (name, value) } == true, "'\(coded)' is read as another parameter")
            try time(value)
            if let key = ObjectKey(value) { try require(ObjectKey(key.description) == key, "a key that is another") }
        }
        try images(parameters)
        try tasks(parameters)
    }

    private static func images(_ parameters: [ImageQuery.Parameter]) throws(Violation) {
        guard let query = try? ImageQuery(parameters) else { return }
        try require((0...ImageQuery.maxLimit).contains(query.limit), "a page of \(query.limit)")
        for image in SampleRecords.images { _ = query.matches(image, for: caller) }
        try order(SampleRecords.images, query.order.precedes)
        guard query.limit > 0 else { return }
        let link = query.link(marker: SampleRecords.images[1].id)
        guard let mark = link.firstIndex(of: "?"),
            let next = PercentCoding.parameters(String(link[link.index(after: mark)...]))
        else { throw Violation(description: "a full page leads nowhere") }
        let kept = parameters.filter { $0.name != "marker" } + [("marker", SampleRecords.images[1].id.rawValue)]
        try require(
            next.count == kept.count && zip(next, kept).allSatisfy { $0 == $1 }, "the next page is of another list")
        let again = try expect("the next page is refused") { try ImageQuery(next) }
        try require(again.limit == query.limit && again.order.terms == query.order.terms, "the order changed")
    }

    private static func tasks(_ parameters: [ImageQuery.Parameter]) throws(Violation) {
        guard let query = try? TaskQuery(parameters) else { return }
        for task in SampleRecords.tasks { _ = query.matches(task) }
        if let order = query.order { try self.order(SampleRecords.tasks, order.precedes) }
    }

    /// Any two are in exactly one order.
    private static func order<Record: Hashable>(
        _ records: [Record], _ precedes: (Record, Record) -> Bool
    ) throws(Violation) {
        for left in records {
            for right in records {
                let isOne = left == right ? !precedes(left, right) : precedes(left, right) != precedes(right, left)
                try require(isOne, "no order")
            }
        }
    }

    /// Of times that calendars have, what is shown is read as the same second.
    private static func time(_ text: String) throws(Violation) {
        guard let time = APITime.parse(text), (0..<253_402_300_800_000).contains(time) else { return }
        try require(APITime.parse(APITime.text(time)) == time / 1000 * 1000, "\(time) is shown as another time")
        try require(APITime.parse(APITime.rowText(time)) == time, "\(time) is shown in rows as another time")
    }

    private static func event(_ text: String) throws(Violation) {
        guard EventPlace.isWellFormed(text) else { return }
        let place = EventPlace(text)
        try require(!(place < place) && !(place < EventPlace(nil)), "an event before itself")
    }
}

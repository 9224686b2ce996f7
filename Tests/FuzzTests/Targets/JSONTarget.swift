import Foundation
import ImageCatalog

/// JSON of API clients: what is accepted is JSON to Foundation, too, means the same, and comes back when written.
enum JSONTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        let value: JSON
        do { value = try JSONParser.parse(input) } catch {
            try require((0...input.count).contains(error.offset), "a failure outside of the text: \(error)")
            return
        }
        let written = value.encoded()
        let again = try expect("what was written cannot be read") { try JSONParser.parse(written) }
        try require(again == value, "written and read again it is another value")
        for text in [input, written] {
            let other = try expect("Foundation refuses what is accepted") {
                try JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            }
            try require(isSame(value, other), "Foundation reads another value: \(other)")
        }
    }

    private static func isSame(_ value: JSON, _ other: Any) -> Bool {
        switch value {
        case .null: other is NSNull
        case .bool(let flag): (other as? Bool) == flag
        case .integer(let number): (other as? NSNumber)?.int64Value == number
        // Foundation goes by way of decimals for long numbers, and may miss the nearest one.
        case .number(let number): (other as? NSNumber).map { abs($0.doubleValue - number) <= number.ulp * 8 } ?? false
        case .string(let text): (other as? String).map { Array($0.utf8) } == Array(text.utf8)
        case .array(let items):
            if let others = other as? [Any] {
                items.count == others.count && zip(items, others).allSatisfy { isSame($0, $1) }
            } else {
                false
            }
        case .object(let members):
            if let others = other as? [String: Any] {
                members.count == others.count
                    && members.allSatisfy { name, value in others[name].map { isSame(value, $0) } ?? false }
            } else {
                false
            }
        }
    }
}

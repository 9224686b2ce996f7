import ImportModel
import RedisClient

/// The answer of a script: a word, and what comes with it. Everything is checked as it is read.
struct Reply {
    let script: String
    let word: String
    private let values: [RedisValue]

    init(_ value: RedisValue, of script: String) throws(LeaseStoreError) {
        guard let values = value.array, let word = values.first?.string else {
            throw .malformed(reason: "\(script) answered without a word")
        }
        self.script = script
        self.word = word
        self.values = values
    }

    /// How many values come with the word.
    var count: Int { values.count - 1 }

    /// The `index`-th value behind the word, from 0.
    func value(_ index: Int) throws(LeaseStoreError) -> RedisValue {
        guard index + 1 < values.count else { throw malformed("value \(index) is missing") }
        return values[index + 1]
    }

    func string(_ index: Int) throws(LeaseStoreError) -> String {
        guard let text = try value(index).string else { throw malformed("value \(index) is no text") }
        return text
    }

    /// `nil` for an empty text.
    func optionalString(_ index: Int) throws(LeaseStoreError) -> String? {
        let text = try string(index)
        return text.isEmpty ? nil : text
    }

    func int(_ index: Int) throws(LeaseStoreError) -> Int64 {
        guard let number = try value(index).int else { throw malformed("value \(index) is no number") }
        return number
    }

    func strings(_ index: Int) throws(LeaseStoreError) -> [String] {
        guard let list = try value(index).array else { throw malformed("value \(index) is no list") }
        var strings: [String] = []
        for item in list {
            guard let text = item.string ?? item.int.map(String.init) else {
                throw malformed("value \(index) holds what is no text")
            }
            strings.append(text)
        }
        return strings
    }

    func imageStatus(_ index: Int) throws(LeaseStoreError) -> ImageStatus {
        guard let status = ImageStatus(rawValue: try string(index)) else { throw malformed("an unknown status") }
        return status
    }

    func hash(_ index: Int) throws(LeaseStoreError) -> [String: String] {
        guard let hash = try value(index).hash() else { throw malformed("value \(index) is no hash") }
        return hash
    }

    func malformed(_ what: String) -> LeaseStoreError {
        .malformed(reason: "\(script) answered '\(word)': \(what)")
    }

    /// For the word that none of the cases of a `switch` knows.
    var unknown: LeaseStoreError { malformed("an unknown word") }

    /// `lost why holder`, as several scripts answer.
    func lostLease() throws(LeaseStoreError) -> LostLease {
        let holder = try optionalString(1)
        switch try string(0) {
        case "gone": return LostLease(why: .gone, holder: holder)
        case "recovered": return LostLease(why: .recovered, holder: holder)
        case "superseded": return LostLease(why: .superseded, holder: holder)
        case let word:
            guard let result = TaskResult(rawValue: word) else { throw malformed("an unknown reason '\(word)'") }
            return LostLease(why: .ended(result), holder: holder)
        }
    }
}

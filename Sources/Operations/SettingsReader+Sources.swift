/// What may be fetched, and how.
extension SettingsReader {
    /// The size that is set, or `nil`.
    mutating func rate(_ key: SettingKey) -> Int64? {
        let bytes = size(key)
        return bytes == 0 ? nil : bytes
    }

    mutating func schemes(_ key: SettingKey) -> Set<String> {
        let found = find(key)
        let words = Self.words(found)
        for word in words where word != "http" && word != "https" {
            complain(
                key, Found(text: word, origin: found?.origin ?? ""), "is no way to fetch a source",
                "write http, https, or both")
        }
        if words.isEmpty { complain(key, found, "is empty", "write http, https, or both") }
        return Set(words)
    }

    /// `443` and `1024-65535`.
    mutating func ports(_ key: SettingKey) -> [ClosedRange<Int>] {
        let found = find(key)
        let words = Self.words(found)
        if words.isEmpty { complain(key, found, "is empty", "write ports and ranges, such as 443 or 1024-65535") }
        return words.compactMap { word in
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard (1...2).contains(ends.count), let first = ends.first, let last = ends.last, first <= last,
                ends.allSatisfy({ (1...65535).contains($0) })
            else {
                complain(
                    key, Found(text: word, origin: found?.origin ?? ""), "is neither a port nor a range of ports",
                    "write numbers from 1 to 65535, such as 443 or 1024-65535")
                return nil
            }
            return first...last
        }
    }

    private static func words(_ found: Found?) -> [String] {
        (found?.text ?? "").split(separator: ",").map { part in
            part.filter { $0 != " " }.lowercased()
        }.filter { !$0.isEmpty }
    }
}

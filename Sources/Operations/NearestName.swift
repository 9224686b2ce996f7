/// The name that somebody probably meant.
enum NearestName {
    /// The candidate with the fewest edits from `name`, if it is near enough to be worth a guess.
    static func of(_ name: String, among candidates: [String]) -> String? {
        let limit = max(2, name.count / 3)
        let ranked = candidates.map { (candidate: $0, distance: distance(name, $0)) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
        return best.candidate
    }

    /// Levenshtein's distance.
    private static func distance(_ left: String, _ right: String) -> Int {
        let columns = Array(right)
        var previous = Array(0...columns.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in columns.enumerated() {
                let substituted = previous[column] + (character == other ? 0 : 1)
                current.append(min(substituted, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[columns.count]
    }
}

/// Who may do what: the table of `PolicyAction`, with the rows that the operator has changed.
package struct Policy: Hashable, Sendable {
    private var changed: [PolicyAction: PolicyRule] = [:]

    package init() {}

    package func rule(for action: PolicyAction) -> PolicyRule { changed[action] ?? action.fallback }

    /// Changes the row that `name` names.
    /// - Throws: what is wrong with the name or the word, for the operator.
    package mutating func set(_ name: String, to word: String) throws(InvalidValue) {
        guard let action = PolicyAction.all.first(where: { $0.name == name }) else {
            throw InvalidValue("the policy has no row '\(name.prefix(64))'; `longshore policy` lists them")
        }
        guard let rule = PolicyRule(rawValue: word), action.rules.contains(rule) else {
            let known = action.rules.map(\.rawValue).joined(separator: ", ")
            throw InvalidValue("'\(word.prefix(64))' is no word for \(name); there are \(known)")
        }
        changed[action] = rule
    }
}

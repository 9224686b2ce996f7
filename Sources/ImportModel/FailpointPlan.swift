import Glibc
import Synchronization

/// Which failpoints do what: `LONGSHORE_FAILPOINTS=claim.answered=kill,block.written=stop@3,publish.sent=kill%20`.
///
/// `@n` means the n-th time only, `%p` each time with a chance of p in 100; without either it is every time. Chances
/// are drawn for each rule from a sequence of its own, so that with one `LONGSHORE_FAILPOINT_SEED` the n-th arrival
/// always decides the same, whatever other threads do.
package struct FailpointPlan: Sendable {
    package static let variable = "LONGSHORE_FAILPOINTS"
    package static let seedVariable = "LONGSHORE_FAILPOINT_SEED"
    package static let remedy =
        "write point=kill or point=stop, with @n for the n-th time only or %p for a chance of p in 100, and commas "
        + "between; the points are \(Failpoint.allCases.map(\.rawValue).joined(separator: ", "))"

    package enum Action: String, Sendable, CaseIterable {
        /// SIGKILL to itself.
        case kill
        /// SIGSTOP to itself; somebody else has to send SIGCONT.
        case stop
    }

    private struct Rule: Sendable {
        let point: Failpoint
        let action: Action
        /// Which arrival; `nil`: each.
        let number: Int?
        /// In 100.
        let chance: UInt64
        var arrivals = 0
        var sequence: SeededSequence

        mutating func fires() -> Bool {
            arrivals += 1
            if let number { return arrivals == number }
            return sequence.next() % 100 < chance
        }
    }

    /// As they were written.
    package let text: String
    private var rules: [Rule] = []

    /// - Returns: `nil` where the environment names no failpoints.
    /// - Throws: `InvalidValue` with what is wrong; `remedy` says what would do.
    package init?(environment: [String: String]) throws(InvalidValue) {
        guard let text = environment[Self.variable], !text.isEmpty else { return nil }
        var seed: UInt64 = 0
        if let written = environment[Self.seedVariable], !written.isEmpty {
            guard let number = UInt64(written) else {
                throw InvalidValue("\(Self.seedVariable) '\(written)' is no whole number")
            }
            seed = number
        }
        self.text = text
        for (index, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            rules.append(try Self.rule(part, seed: seed, index: UInt64(index)))
        }
    }

    /// What is to be done by who is at `point` now; counts the arrival.
    package mutating func arrive(at point: Failpoint) -> Action? {
        var action: Action?
        // Each rule counts, whether or not another one has fired.
        for index in rules.indices where rules[index].point == point && rules[index].fires() {
            action = action ?? rules[index].action
        }
        return action
    }

    private static func rule(_ part: Substring, seed: UInt64, index: UInt64) throws(InvalidValue) -> Rule {
        let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { throw InvalidValue("'\(part)' has no action") }
        guard let point = Failpoint(rawValue: String(sides[0])) else {
            throw InvalidValue("'\(sides[0])' is no failpoint")
        }
        let word = sides[1].prefix { $0 != "@" && $0 != "%" }
        guard let action = Action(rawValue: String(word)) else { throw InvalidValue("'\(word)' is no action") }
        var (number, chance): (Int?, UInt64) = (nil, 100)
        let rest = sides[1].dropFirst(word.count)
        if !rest.isEmpty {
            guard let value = Int(rest.dropFirst()), value >= 1, rest.first == "@" || value <= 100 else {
                throw InvalidValue("'\(rest)' is neither @ and a count from 1 nor % and a number from 1 to 100")
            }
            if rest.first == "@" { number = value } else { chance = UInt64(value) }
        }
        return Rule(
            point: point, action: action, number: number, chance: chance, sequence: SeededSequence(seed, index))
    }
}

/// The plan of a process that runs with one.
package final class ArmedFailpoints: Sendable {
    /// As they were written.
    package let text: String
    private let plan: Mutex<FailpointPlan>

    init(_ plan: FailpointPlan) {
        text = plan.text
        self.plan = Mutex(plan)
    }

    func arrive(at point: Failpoint) {
        guard let action = plan.withLock({ $0.arrive(at: point) }) else { return }
        // Who watches the process learns from this line where it was; nothing is buffered.
        let line = "failpoint \(point.rawValue): \(action.rawValue)\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        switch action {
        case .kill: kill(getpid(), SIGKILL)
        // To this thread, so that it is here that the process stops, and not a few instructions later.
        case .stop: pthread_kill(pthread_self(), SIGSTOP)
        }
    }
}

/// SplitMix64: small, and the same on every machine.
private struct SeededSequence: Sendable {
    private var state: UInt64

    /// Neighbouring seeds and neighbouring rules have nothing in common.
    init(_ seed: UInt64, _ index: UInt64) {
        state = seed
        state = next() ^ index
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

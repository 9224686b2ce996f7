/// Which commands a fault meets, and how often.
package struct FaultRule: Sendable {
    /// Names of scripts (`import-publish`) or, for all else, of commands (`BLPOP`); empty: every command.
    package var commands: Set<String>
    /// The share of these commands that it meets, 0 to 1.
    package var share: Double
    package var fault: WireFault
    /// It happens at most so often.
    package var limit: Int

    package init(_ fault: WireFault, of commands: Set<String> = [], share: Double = 1, limit: Int = .max) {
        self.commands = commands
        self.share = share
        self.fault = fault
        self.limit = limit
    }
}

/// Decides by rules and a seed what happens to each command: the first rule that strikes.
struct FaultPlan: Sendable {
    private var rules: [FaultRule] = []
    private var generator: SplitMix

    init(seed: UInt64) { generator = SplitMix(state: seed) }

    mutating func use(_ rules: [FaultRule]) { self.rules = rules }

    /// - Parameters:
    ///   - name: of the script or the command.
    ///   - command: that calls it: `EVALSHA`, `GET`.
    mutating func fault(for name: String, command: String) -> WireFault? {
        for index in rules.indices {
            let rule = rules[index]
            guard rule.limit > 0, rule.commands.isEmpty || rule.commands.contains(name),
                // No server answers anything else so.
                rule.fault != .refuse(.noscript) || command == "EVALSHA",
                Double.random(in: 0..<1, using: &generator) < rule.share
            else { continue }
            rules[index].limit -= 1
            return rule.fault.drawn(using: &generator)
        }
        return nil
    }
}

/// The generator that takes the same choices for the same seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

/// How often which fault met which command.
package struct FaultTally: Sendable {
    package struct Event: Sendable, Hashable {
        package let fault: String
        package let command: String
    }

    package private(set) var events: [Event: Int] = [:]

    package init() {}

    package var total: Int { events.values.reduce(0, +) }

    /// The faults by name.
    package var faults: [String: Int] {
        events.reduce(into: [:]) { $0[$1.key.fault, default: 0] += $1.value }
    }

    package func count(_ fault: String, of command: String? = nil) -> Int {
        events.reduce(0) { sum, event in
            event.key.fault == fault && command ?? event.key.command == event.key.command ? sum + event.value : sum
        }
    }

    mutating func add(_ fault: String, of command: String) {
        events[Event(fault: fault, command: command), default: 0] += 1
    }

    /// Takes in what another proxy has counted.
    package mutating func add(_ other: FaultTally) {
        events.merge(other.events, uniquingKeysWith: +)
    }
}

extension FaultTally: CustomStringConvertible {
    package var description: String {
        "\(total) faults: " + faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

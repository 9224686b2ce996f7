import Foundation

/// What a figure has to reach.
enum Target: Codable, Hashable {
    case atLeast(Double)
    case atMost(Double)

    func isMet(by value: Double) -> Bool {
        switch self {
        case .atLeast(let bound): value >= bound
        case .atMost(let bound): value <= bound
        }
    }
}

struct Figure: Codable {
    var section: String
    var name: String
    var value: Double
    var unit: String
    /// To the peer.
    var ratio: Double?
    /// What the ratio is to.
    var peer = "the empty script"
    /// Processor time per operation, of Redis and of this process.
    var redisMicroseconds: Double?
    var clientMicroseconds: Double?
    var target: Target?
}

/// All figures of one run of the benchmark.
struct Report: Codable {
    var runs: Int
    var machine: Machine
    var figures: [Figure] = []

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    func text() -> String {
        var lines = [
            "\(machine.cores) cores (\(machine.processor)), \(machine.memoryGiB) GiB, Redis \(machine.redis), "
                + "fdatasync of 512 bytes \(Self.number(machine.fsyncMs)) ms, load \(Self.number(machine.load)); "
                + "medians of \(runs) runs"
        ]
        if machine.isFolderInMemory {
            lines.append("The data folder is in memory: fsync costs nothing there. Give --folder one on a disk.")
        }
        var section = ""
        for figure in figures {
            if figure.section != section {
                section = figure.section
                lines += ["", section]
            }
            lines.append(line(figure))
        }
        return lines.joined(separator: "\n")
    }

    private func line(_ figure: Figure) -> String {
        var line = "  " + figure.name.padding(toLength: 36, withPad: " ", startingAt: 0)
        let value = Self.number(figure.value)
        line += String(repeating: " ", count: max(0, 10 - value.count)) + value + " " + figure.unit
        if let ratio = figure.ratio { line += String(format: "%8.2f of \(figure.peer)", ratio) }
        if let redis = figure.redisMicroseconds, let client = figure.clientMicroseconds {
            line += String(format: "   CPU %4.0f µs Redis, %4.0f µs client", redis, client)
        }
        switch figure.target {
        case nil: break
        case .atLeast(let bound)?: line += "   target: at least \(Self.number(bound))"
        case .atMost(let bound)?: line += "   target: at most \(Self.number(bound))"
        }
        if let target = figure.target { line += target.isMet(by: figure.value) ? ", met" : ", MISSED" }
        return line
    }

    /// Two digits behind the point where they tell something.
    private static func number(_ value: Double) -> String {
        abs(value) < 100 && value != value.rounded() ? String(format: "%.2f", value) : String(format: "%.0f", value)
    }
}

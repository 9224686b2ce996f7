/// A row of progress as one line of text that never exceeds the width it is given.
package struct ProgressLine {
    private static let bar = (narrowest: 8, widest: 30)
    private static let nameNarrowest = 12

    /// The line of a row on a terminal: name, bar, percentage, bytes, speed, time left, phase, attempt.
    ///
    /// What does not fit is left out, the least important first.
    package static func live(_ row: TransferRow, nameWidth: Int, width: Int, paint: Paint) -> String {
        if row.isEnded { return ended(row, paint: paint) }
        let percent = row.fraction.map { SafeText.fit("\(Int($0 * 100))%", to: 4, right: true) }
        // From the most to the least important.
        var parts = [percent, attempt(row).map { "\(row.phase) (\($0))" } ?? row.phase, bytes(row)]
        parts += [row.stage == .active ? speed(row) : nil, row.stage == .active ? timeLeft(row) : nil]
        var facts = parts.compactMap { $0 }
        let name = min(nameWidth, max(nameNarrowest, width / 3))
        while facts.count > 1, name + facts.reduce(0, { $0 + 2 + SafeText.width($1) }) > width { facts.removeLast() }

        var pieces = [SafeText.fit(row.label, to: name)]
        let used = name + facts.reduce(0) { $0 + 2 + SafeText.width($1) }
        let room = min(bar.widest, width - used - 4)
        if let fraction = row.fraction, room >= bar.narrowest {
            pieces.append(Self.bar(fraction, width: room))
        }
        pieces += facts
        let line = SafeText.truncate(pieces.joined(separator: "  "), to: width)
        return paint(line, row.stage == .waiting ? .faint : .plain)
    }

    /// The line of a row that has ended; it stays on the screen.
    package static func ended(_ row: TransferRow, paint: Paint) -> String {
        let mark = row.stage == .succeeded ? "done  " : "failed"
        let image = row.image.map { " (image \($0))" } ?? ""
        let text =
            row.stage == .succeeded
            ? "\(row.label): \(HumanUnits.bytes(row.done))\(image)" : "\(row.label): \(row.note)\(image)"
        // A reason is worth more than a neat screen: this line may wrap, since nothing is drawn over it.
        return paint(mark, row.stage == .succeeded ? .good : .bad) + "  " + text
    }

    /// A row for a log: no bar, no colours, no limit.
    package static func plain(_ row: TransferRow) -> String {
        let ids = [row.image.map { "image \($0)" }, row.task.map { "task \($0)" }].compactMap { $0 }
        switch row.stage {
        case .succeeded: return ended(row, paint: .none)
        case .failed:
            let place = ids.isEmpty ? "" : " (\(ids.joined(separator: ", ")))"
            return "'\(row.label)' \(row.phase): \(row.note)\(place)"
        case .handedOver: return "\(row.label): accepted, " + ids.joined(separator: ", ")
        case .waiting, .active: break
        }
        var facts = [row.phase]
        if let fraction = row.fraction, row.stage == .active { facts.append("\(Int(fraction * 100))%") }
        if row.stage == .active { facts += [bytes(row), speed(row), timeLeft(row)].compactMap { $0 } }
        if let attempt = attempt(row) { facts.append(attempt) }
        if row.stage == .waiting, !row.note.isEmpty { facts.append(row.note) }
        return "\(row.label): " + facts.joined(separator: ", ")
    }

    /// `[######----]`, `width` characters between the brackets.
    package static func bar(_ fraction: Double, width: Int) -> String {
        let filled = min(width, max(0, Int((fraction * Double(width)).rounded(.down))))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "]"
    }

    private static func bytes(_ row: TransferRow) -> String? {
        guard row.done > 0 || row.stage == .active else { return nil }
        guard let total = row.total else { return row.done > 0 ? HumanUnits.bytes(row.done) : nil }
        return "\(HumanUnits.bytes(row.done)) of \(HumanUnits.bytes(total))"
    }

    private static func speed(_ row: TransferRow) -> String? {
        row.rate.bytesPerSecond.map { HumanUnits.bytes(Int64(min($0, 0x1p62))) + "/s" }
    }

    private static func timeLeft(_ row: TransferRow) -> String? {
        guard let total = row.total, row.done < total else { return nil }
        return row.rate.secondsLeft(of: total, done: row.done).map { "ETA " + HumanUnits.duration(seconds: $0) }
    }

    private static func attempt(_ row: TransferRow) -> String? {
        row.attempt > 1 ? "attempt \(row.attempt)" : nil
    }
}

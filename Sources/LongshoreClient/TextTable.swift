/// Rows in aligned columns under a heading.
package struct TextTable {
    /// A cell: text that is cleaned for the terminal, and how it is painted.
    package struct Cell {
        package var text: String
        package var tone: Tone

        package init(_ text: String, _ tone: Tone = .plain) {
            self.text = SafeText.line(text)
            self.tone = tone
        }
    }

    private let titles: [String]
    private let rightAligned: Set<Int>
    private var rows: [[Cell]] = []

    /// `rightAligned` names the columns of numbers, counted from 0.
    package init(_ titles: [String], rightAligned: Set<Int> = []) {
        self.titles = titles
        self.rightAligned = rightAligned
    }

    package mutating func add(_ cells: [Cell]) {
        precondition(cells.count == titles.count, "a row has a cell for every column")
        rows.append(cells)
    }

    package mutating func add(_ cells: [String]) { add(cells.map { Cell($0) }) }

    package var isEmpty: Bool { rows.isEmpty }

    /// The lines of the table. Nothing is cut: tables are also read by `grep` and `awk`.
    package func lines(_ paint: Paint) -> [String] {
        let widths = titles.indices.map { column in
            max(SafeText.width(titles[column]), rows.map { SafeText.width($0[column].text) }.max() ?? 0)
        }
        let heading = line(titles.map { Cell($0, .faint) }, widths, paint)
        return [heading] + rows.map { line($0, widths, paint) }
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ paint: Paint) -> String {
        // No blanks at the end of a line.
        let last = cells.lastIndex { !$0.text.isEmpty } ?? 0
        return cells.indices.prefix(last + 1).map { column in
            let isRight = rightAligned.contains(column)
            let text = cells[column].text
            let isPadded = column < last || isRight
            let shown = isPadded ? SafeText.fit(text, to: widths[column], right: isRight) : text
            return paint(shown, cells[column].tone)
        }.joined(separator: "  ")
    }
}

/// What a piece of output means, from which its colour follows.
package enum Tone: Sendable {
    case plain, faint, good, bad, busy
}

/// Colours for a terminal that wants them, plain text for everything else.
package struct Paint: Sendable {
    package static let none = Paint(isColoured: false)
    private let isColoured: Bool

    package init(isColoured: Bool) { self.isColoured = isColoured }

    package func callAsFunction(_ text: String, _ tone: Tone) -> String {
        guard isColoured, let code = code(tone), !text.isEmpty else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    private func code(_ tone: Tone) -> Int? {
        switch tone {
        case .plain: nil
        case .faint: 2
        case .good: 32
        case .bad: 31
        case .busy: 33
        }
    }
}

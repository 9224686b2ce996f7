import Foundation

/// Text from the service, from images or from files, made fit for a terminal.
///
/// Names and messages come from other people. Printed as they are, they could move the cursor, change the window's
/// title or hide what stands before them; so everything that is not a visible character is taken out.
package enum SafeText {
    /// `text` on one line, without escape sequences, control characters and invisible marks of direction.
    package static func line(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            switch scalar.value {
            case 0x1B:
                skipEscapeSequence(&scalars)
            case 0x9B:
                skipControlSequence(&scalars)
            case 0x09, 0x0A, 0x0D, 0x2028, 0x2029:
                result.append(" ")
            default:
                if isVisible(scalar) { result.append(scalar) }
            }
        }
        return String(result)
    }

    /// Columns that `text` takes on a terminal; it has gone through `line` before.
    package static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// `text` cut to at most `width` columns; an ellipsis shows that something is missing.
    package static func truncate(_ text: String, to width: Int) -> String {
        guard Self.width(text) > width else { return text }
        guard width > 0 else { return "" }
        var result = String.UnicodeScalarView()
        var used = 0
        for scalar in text.unicodeScalars {
            let columns = columns(of: scalar)
            if used + columns > width - 1 { break }
            result.append(scalar)
            used += columns
        }
        return String(result) + "…"
    }

    /// `text` in exactly `width` columns: cut or filled with blanks.
    package static func fit(_ text: String, to width: Int, right: Bool = false) -> String {
        let cut = truncate(text, to: width)
        let padding = String(repeating: " ", count: max(0, width - Self.width(cut)))
        return right ? padding + cut : cut + padding
    }

    /// An URL without what may be secret: credentials, query and fragment.
    package static func url(_ text: String) -> String {
        // Cleaned first, and by scalars: what is taken out or combines must not hide a mark.
        let plain = line(text).unicodeScalars.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = plain.firstRange(of: "://".unicodeScalars) else { return String(plain) }
        let rest = plain[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        return String(plain[..<scheme.upperBound]) + String(host) + String(rest[authority.endIndex...])
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    /// After ESC: a control sequence, a string up to its terminator, or a short sequence.
    private static func skipEscapeSequence(_ scalars: inout String.UnicodeScalarView.Iterator) {
        guard let kind = scalars.next() else { return }
        switch kind {
        case "[":
            skipControlSequence(&scalars)
        case "]", "P", "X", "^", "_":
            var escaped = false
            while let scalar = scalars.next() {
                if scalar.value == 0x07 || scalar.value == 0x9C || (escaped && scalar == "\\") { return }
                escaped = scalar.value == 0x1B
            }
        case " "..."/":
            while let scalar = scalars.next(), !("0"..."~").contains(scalar) {}
        default:
            return
        }
    }

    private static func skipControlSequence(_ scalars: inout String.UnicodeScalarView.Iterator) {
        while let scalar = scalars.next(), !("@"..."~").contains(scalar) {}
    }

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        return switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
            0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }
}

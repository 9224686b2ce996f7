extension StringProtocol {
    /// The text with every `mark` replaced, also where an accent follows and makes one character of both.
    ///
    /// For marks that mean something to whoever reads the text: to programs `"` ends a string whatever comes next, and
    /// a line feed is one also behind a carriage return, while in Swift `"` with an accent, and both line ends
    /// together, are other characters.
    package func replacingScalar(_ mark: Unicode.Scalar, with text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar == mark { result.append(contentsOf: text.unicodeScalars) } else { result.append(scalar) }
        }
        return String(result)
    }
}

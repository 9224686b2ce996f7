/// What `qemu-img` writes while it works: how far it is, and what it has to say.
///
/// How far it is stands in its output. Its complaints quote names that are in the image, so nothing is read out of them.
struct ConverterOutput {
    /// In hundredths.
    private(set) var percent = 0.0
    private var output = Line()
    private var complaint = Line()
    private var lines: [String] = []

    private static let maxLines = 8

    mutating func add(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes { if let line = output.add(byte) { take(line) } }
    }

    mutating func add(complaint bytes: ArraySlice<UInt8>) {
        for byte in bytes { if let line = complaint.add(byte) { keep(line) } }
    }

    /// Its words, without how far it was; for a person.
    mutating func words() -> String {
        take(output.end())
        keep(complaint.end())
        return lines.joined(separator: "; ")
    }

    private mutating func take(_ line: String) {
        guard line.hasPrefix("("), line.hasSuffix("/100%)"), let number = Double(line.dropFirst().dropLast(6)),
            number.isFinite
        else { return keep(line) }
        percent = min(max(number, percent), 100)
    }

    private mutating func keep(_ line: String) {
        guard !line.isEmpty, lines.count < Self.maxLines else { return }
        lines.append(
            line.replacing("qemu-img: ", with: "").replacing(ImageConverter.sourcePath, with: "the image")
                .replacing(ImageConverter.resultPath, with: "the result"))
    }

    private struct Line {
        private var bytes: [UInt8] = []

        private static let maxBytes = 1024

        /// - Returns: the line, if it ends here.
        mutating func add(_ byte: UInt8) -> String? {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return end() }
            if bytes.count < Self.maxBytes { bytes.append(byte) }
            return nil
        }

        /// Without what a terminal would obey.
        mutating func end() -> String {
            defer { bytes = [] }
            let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter {
                ![.control, .format].contains($0.properties.generalCategory)
            }
            return String(String(String.UnicodeScalarView(scalars)).drop(while: \.isWhitespace))
        }
    }
}

/// What `qemu-img` writes while it works: how far it is, and what it has to say.
struct ConverterOutput {
    /// In hundredths.
    private(set) var percent = 0.0
    private var line: [UInt8] = []
    private var lines: [String] = []

    private static let maxLine = 1024
    private static let maxLines = 8

    mutating func add(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                endLine()
            } else if line.count < Self.maxLine {
                line.append(byte)
            }
        }
    }

    /// Its words, without how far it was; for a person.
    mutating func words() -> String {
        endLine()
        return lines.joined(separator: "; ")
    }

    private mutating func endLine() {
        defer { line = [] }
        let text = String(decoding: line, as: UTF8.self).filter { !$0.isASCII || $0 >= " " }
        let trimmed = text.drop(while: \.isWhitespace)
        if trimmed.hasPrefix("("), trimmed.hasSuffix("/100%)"), let number = Double(trimmed.dropFirst().dropLast(6)) {
            percent = min(max(number, percent), 100)
        } else if !trimmed.isEmpty, lines.count < Self.maxLines {
            lines.append(
                String(trimmed).replacing("qemu-img: ", with: "").replacing(
                    ImageConverter.sourcePath, with: "the image"
                )
                .replacing(ImageConverter.resultPath, with: "the result"))
        }
    }
}

package import Foundation
import ImportModel
package import Logging

/// How log lines look.
package enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Writes one line for each event: for people, or as a JSON object. URLs lose their secrets on the way.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> Date

    /// - Parameter write: Takes one line, its newline included; is called from any thread.
    package init(
        label: String, level: Logger.Level, format: LogFormat, now: @escaping @Sendable () -> Date = { Date() },
        write: @escaping @Sendable (String) -> Void = LineLogHandler.writeToStandardError
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.now = now
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadataProvider?.get() ?? [:]
        fields.merge(metadata) { $1 }
        fields.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { fields["error"] = "\(error)" }
        let pairs = fields.sorted { $0.key < $1.key }.map { ($0.key, LogRedaction.redact("\($0.value)")) }
        let message = LogRedaction.redact("\(event.message)")
        let time = now().formatted(Self.timeStyle)
        switch format {
        case .text: write(textLine(time, event.level, message, pairs))
        case .json: write(jsonLine(time, event.level, message, pairs))
        }
    }

    private static let timeStyle = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// One system call a line, so that the lines of several processes on one pipe do not mix.
    package static let writeToStandardError: @Sendable (String) -> Void = { line in
        var line = line
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Foundation.write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }  // There is no better place to complain to.
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}

extension LineLogHandler {
    private func textLine(
        _ time: String, _ level: Logger.Level, _ message: String, _ pairs: [(String, String)]
    ) -> String {
        let severity = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        let fields = pairs.map { " \($0)=\(quotedIfNeeded($1))" }.joined()
        return "\(time) \(severity) \(label): \(singleLine(message))\(fields)\n"
    }

    /// Keeps a line a line: what a user named cannot forge another entry or drive a terminal.
    private func singleLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return text.unicodeScalars.map { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default:
                scalar.properties.generalCategory == .control
                    ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
        }.joined()
    }

    private func quotedIfNeeded(_ text: String) -> String {
        let plain =
            !text.isEmpty && !text.unicodeScalars.contains { $0.properties.isWhitespace || $0 == "\"" || $0 == "=" }
        guard !plain else { return singleLine(text) }
        return "\"" + singleLine(text.replacingScalar("\\", with: "\\\\").replacingScalar("\"", with: "\\\"")) + "\""
    }

    private func jsonLine(
        _ time: String, _ level: Logger.Level, _ message: String, _ pairs: [(String, String)]
    ) -> String {
        let line = Line(
            time: time, level: level.rawValue, label: label, message: message,
            metadata: pairs.isEmpty ? nil : Dictionary(pairs) { first, _ in first })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts always encode.
        guard let data = try? encoder.encode(line) else { return "" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private struct Line: Encodable {
        let time: String
        let level: String
        let label: String
        let message: String
        let metadata: [String: String]?
    }
}

extension Settings.Log {
    /// Makes every `Logger` of the process write to standard error as configured; to be called once, first.
    package func bootstrap() {
        let (level, format) = (level, format)
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, level: level, format: format) }
    }
}

import Foundation
package import ImportModel

/// What has become of one source of an import command, as `--json` prints it: one object per line.
package struct ImportReport: Hashable, Codable, Sendable {
    /// Without credentials and query.
    package var source: String
    package var name: String
    package var imageId: ImageID?
    package var taskId: TaskID?
    /// `accepted`, `pending`, `processing`, `success`, `failure`; `error` if the import did not begin.
    package var state: String
    package var result: TaskResult?
    package var message: String
    package var bytes: Int64?
    package var attempt: Int?

    package init(_ job: ImportJob, _ row: TransferRow) {
        source = job.source.description
        name = job.name
        imageId = row.image
        taskId = row.task
        state = row.view?.state.rawValue ?? (row.task != nil ? "accepted" : "error")
        result = row.view?.result
        message = row.note
        bytes = row.view?.bytesDone
        attempt = row.view?.attempt
    }
}

/// JSON for programs, in the fleet API's spelling, on one line.
package enum JSONLine {
    package static func text(_ value: some Encodable) throws -> String {
        escaped(String(decoding: try FleetJSON.encode(value), as: UTF8.self))
    }

    /// An image's members keep the names that the service gave them.
    package static func text(_ image: ImageDocument) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return escaped(String(decoding: try encoder.encode(image), as: UTF8.self))
    }

    /// JSON need not escape C1 controls and marks of direction, but a terminal obeys them.
    private static func escaped(_ json: String) -> String {
        var result = ""
        result.reserveCapacity(json.utf8.count)
        for scalar in json.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                for unit in String(scalar).utf16 { result += String(format: "\\u%04x", Int(unit)) }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

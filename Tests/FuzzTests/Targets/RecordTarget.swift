import DiskImage
import Foundation
@testable import ImageAPI
@testable import ImageCatalog
import ImportModel
@testable import LeaseStore

/// Hashes of images and tasks as a Redis peer sends them, a line `field=value` each: whatever can be read can be shown.
enum RecordTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        var hash: [String: String] = [:]
        for line in String(decoding: input, as: UTF8.self).split(separator: "\n") {
            let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            hash[String(pair[0])] = pair.count == 2 ? String(pair[1]) : ""
        }
        try image(hash)
        try task(hash)
        try inspection(hash["history"] ?? "")
    }

    private static func image(_ hash: [String: String]) throws(Violation) {
        guard let image = try? ImageRecord(id: SampleRecords.id(0), hash: hash, lock: hash["lock"]) else { return }
        let document = ImageDocument(image).json
        let read = try expect("a document is no JSON") { try JSONParser.parse(document.encoded()) }
        try require(read == document, "a document that was written is another one")
        try inspection(image.stage?.inspection ?? "")
        var again = image.userFields
        again[ImageField.status] = image.status.rawValue
        let same = try expect("an image cannot be read again") {
            try ImageRecord(id: image.id, hash: again, lock: nil)
        }
        try require(same?.userFields == image.userFields, "an image that was kept is another one")
    }

    private static func task(_ hash: [String: String]) throws(Violation) {
        guard let task = try? TaskRecord(id: SampleRecords.taskID(0), hash: hash) else { return }
        let document = TaskDocument(task: task)
        for json in [document.row, .object(document.summary), document.whole] {
            let read = try expect("a document is no JSON") { try JSONParser.parse(json.encoded()) }
            try require(read == json, "a document that was written is another one")
        }
        let lock = LockView(task, now: 1_700_000_000_000, settings: LeaseSettings())
        try require(lock.ageMs >= 0 && lock.stealInMs ?? 0 >= 0, "a lock from the future: \(lock)")
        let attempt = try? FleetJSON.decode(AttemptRecord.self, from: Data((hash["history"] ?? "").utf8))
        let view = TaskView(task, source: nil, history: attempt.map { [$0] })
        let again = try expect("a view cannot be read again") {
            try FleetJSON.decode(TaskView.self, from: FleetJSON.encode(view))
        }
        try require(again == view, "a view that was written is another one")
    }

    /// What was found in staged data; it is judged again by what the image is declared to be.
    private static func inspection(_ text: String) throws(Violation) {
        guard let found = try? JSONDecoder().decode(Inspection.self, from: Data(text.utf8)) else { return }
        for name in ["raw", "qcow2", "vmdk", "iso"] { _ = found.verdict(declared: name, container: "bare") }
    }
}

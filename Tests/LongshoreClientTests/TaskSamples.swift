import Foundation
import ImportModel
import LongshoreClient
import Testing

/// A task as the service would show it, and its JSON.
func sampleTask(
    id: TaskID = .random(), image: ImageID = .random(), _ state: TaskState, phase: TaskPhase? = nil,
    result: TaskResult? = nil, message: String = "", attempt: Int = 1, bytes: Int64 = 0, of total: Int64? = nil,
    history: [AttemptRecord]? = nil
) -> TaskView {
    let record = TaskRecord(
        id: id, image: image, kind: .import, state: state, request: ImportRequest(method: .webDownload, stores: []),
        owner: "me", tenant: "me", priority: 5, requestID: "req-1", priorStatus: .queued, attempt: attempt, spent: 0,
        nonce: nil, worker: ProcessID(rawValue: "host-1-abcd"), leaseMs: 30_000, beatSeq: 0, isSuspect: false,
        phase: phase, message: message, bytesDone: bytes, bytesTotal: total, result: result, createdAtMs: 1_000_000,
        updatedAtMs: 1_060_000, dueAtMs: nil, deadlineAtMs: 90_000_000, expiresAtMs: nil)
    return TaskView(record, source: "http://example.org/disk.qcow2", history: history)
}

func json(_ value: some Encodable) throws -> String { String(decoding: try FleetJSON.encode(value), as: UTF8.self) }

/// An image as the Image API would show it.
func sampleImage(_ id: ImageID, name: String = "disk", status: String = "queued", size: Int64? = nil) -> String {
    """
    {"id":"\(id)","name":"\(name)","status":"\(status)","size":\(size.map(String.init) ?? "null"),"tags":["a"],\
    "disk_format":"qcow2","container_format":"bare","visibility":"shared","protected":false,"hw_disk_bus":"scsi",\
    "created_at":"2026-01-01T00:00:00Z","self":"/v2/images/\(id)","file":"x","schema":"y"}
    """
}

/// A file that is gone afterwards.
func withFile<Result>(
    _ bytes: Data, named name: String = "disk.img", _ body: (String) async throws -> Result
) async throws -> Result {
    try await withFolder { folder in
        let file = folder.appending(path: name)
        try bytes.write(to: file)
        return try await body(file.path)
    }
}

func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "longshore-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // What could not be removed harms no test.
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

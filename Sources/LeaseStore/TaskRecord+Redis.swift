import Foundation
import ImportModel

extension TaskRecord {
    /// Reads a task's hash; `nil` for none. Fields that hold their default are not stored.
    init?(id: TaskID, hash: [String: String]) throws(LeaseStoreError) {
        if hash.isEmpty { return nil }
        func number(_ field: String) -> Int64? { hash[field].flatMap { Int64($0) } }
        guard let image = hash["image"].flatMap(ImageID.init(rawValue:)),
            let state = hash["state"].flatMap(TaskState.init(rawValue:)),
            let input = hash["input"], let owner = hash["owner"], let createdAt = number("created_at"),
            let prior = hash["prior_status"].flatMap(ImageStatus.init(rawValue:)),
            let kind = TaskKind(rawValue: hash["kind"] ?? TaskKind.import.rawValue),
            let request = try? JSONDecoder().decode(ImportRequest.self, from: Data(input.utf8))
        else { throw .malformed(reason: "task \(id) lacks fields, or was written by another version") }
        self.init(
            id: id, image: image, kind: kind, state: state, request: request, owner: owner, tenant: owner,
            priority: Int(number("priority") ?? Int64(Self.defaultPriority)),
            requestID: hash["request_id"] ?? Self.requestID(of: id), priorStatus: prior,
            attempt: Int(number("attempt") ?? 0), spent: Int(number("spent") ?? 0),
            nonce: hash["nonce"].flatMap(Nonce.init(rawValue:)),
            worker: hash["worker"].flatMap(ProcessID.init(rawValue:)),
            leaseMs: number("lease_ms") ?? 0, beatSeq: number("beat_seq") ?? 0, isSuspect: hash["suspect"] != nil,
            phase: hash["phase"].flatMap(TaskPhase.init(rawValue:)), message: hash["message"] ?? "",
            bytesDone: number("bytes_done") ?? 0, bytesTotal: number("bytes_total"),
            result: hash["result"].flatMap(TaskResult.init(rawValue:)), createdAtMs: createdAt,
            updatedAtMs: number("updated_at") ?? createdAt, dueAtMs: number("due_at"),
            deadlineAtMs: number("deadline_at") ?? 0, expiresAtMs: number("expires_at"))
        located = (hash["located"] ?? "").split(separator: ",").compactMap { StoreID(rawValue: String($0)) }
    }
}

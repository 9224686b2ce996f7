package import ImportModel

/// The lists of the fleet as tables for people.
package enum FleetTables {
    package static func images(_ images: [ImageDocument]) -> TextTable {
        var table = TextTable(["ID", "NAME", "STATUS", "SIZE", "FORMAT", "STORES", "CREATED"], rightAligned: [3])
        for image in images {
            table.add([
                .init(image.id.rawValue), .init(image.name ?? "-"),
                .init(image.status, tone(imageStatus: image.status)),
                .init(image.size.map(HumanUnits.bytes) ?? "-"), .init(image.diskFormat ?? "-"),
                .init(image.stores.isEmpty ? "-" : image.stores), .init(image.createdAt),
            ])
        }
        return table
    }

    package static func tasks(_ tasks: [TaskView], nowMs: Int64) -> TextTable {
        var table = TextTable(
            ["ID", "IMAGE", "STATE", "PHASE", "DONE", "SIZE", "TRY", "AGE", "MESSAGE"], rightAligned: [4, 5, 6, 7])
        for task in tasks {
            let percent = task.bytesTotal.flatMap { $0 > 0 ? "\(min(100, task.bytesDone / max(1, $0 / 100)))%" : nil }
            table.add([
                .init(task.id.rawValue), .init(task.imageId.rawValue), .init(task.state.rawValue, tone(task.state)),
                .init(task.state == .processing ? task.phase?.rawValue ?? "-" : "-"),
                .init(task.state == .success ? "100%" : percent ?? "-"),
                .init(task.bytesTotal.map(HumanUnits.bytes) ?? "-"), .init("\(task.attempt)"),
                .init(HumanUnits.age(sinceMs: task.createdAtMs, nowMs: nowMs)), .init(message(task)),
            ])
        }
        return table
    }

    package static func locks(_ locks: [LockView]) -> TextTable {
        var table = TextTable(
            ["IMAGE", "TASK", "STATE", "PHASE", "WORKER", "BEAT", "STEAL IN", "WHY"], rightAligned: [5, 6])
        for lock in locks {
            table.add([
                .init(lock.imageId.rawValue), .init(lock.taskId.rawValue), .init(lock.state.rawValue, tone(lock.state)),
                .init(lock.phase?.rawValue ?? "-"), .init(lock.worker ?? "-"),
                .init(HumanUnits.duration(milliseconds: lock.ageMs), lock.isSuspect ? .bad : .plain),
                .init(lock.stealInMs.map { $0 <= 0 ? "now" : HumanUnits.duration(milliseconds: $0) } ?? "never"),
                .init(lock.why),
            ])
        }
        return table
    }

    package static func workers(_ processes: [ProcessView], nowMs: Int64) -> TextTable {
        var table = TextTable(
            ["ID", "ROLE", "HOST", "PID", "VERSION", "RUNNING", "UP", "SEEN", "STORES"], rightAligned: [3, 5, 6, 7])
        for process in processes {
            table.add([
                process.id.rawValue, process.role, process.host, "\(process.pid)", process.version,
                "\(process.running.count) of \(process.concurrency)",
                HumanUnits.age(sinceMs: process.startedAtMs, nowMs: nowMs),
                HumanUnits.age(sinceMs: process.seenAtMs, nowMs: nowMs) + " ago",
                process.stores.map(\.rawValue).joined(separator: ", "),
            ])
        }
        return table
    }

    package static func stores(_ stores: [StoreView]) -> TextTable {
        var table = TextTable(["ID", "TYPE", "DEFAULT", "DESCRIPTION"])
        for store in stores {
            table.add([store.id.rawValue, store.type, store.isDefault ? "yes" : "", store.description])
        }
        return table
    }

    static func tone(_ state: TaskState) -> Tone {
        switch state {
        case .pending: .faint
        case .processing: .busy
        case .success: .good
        case .failure: .bad
        }
    }

    static func tone(imageStatus: String) -> Tone {
        switch imageStatus {
        case "active": .good
        case "queued", "saving", "uploading", "importing": .busy
        case "killed": .bad
        default: .plain
        }
    }

    private static func message(_ task: TaskView) -> String {
        guard task.message.isEmpty else { return task.message }
        return task.result.flatMap { $0 == .success ? nil : $0.rawValue } ?? ""
    }
}

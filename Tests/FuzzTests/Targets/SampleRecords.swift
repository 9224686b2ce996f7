import ImportModel

/// Images and tasks for requests to act on.
enum SampleRecords {
    static let images: [ImageRecord] = [ImageStatus.queued, .active, .importing].enumerated().map { number, status in
        var image = ImageRecord(id: id(number))
        image.status = status
        image.owner = number == 2 ? "p2" : "p1"
        image.name = number == 1 ? nil : "a, \"b\""
        image.diskFormat = "qcow2"
        image.containerFormat = "bare"
        image.properties = ["kept": "yes", "os_type": "linux", "a/b~c": "1"]
        image.tags = ["one"]
        image.createdAtMs = 1_700_000_000_000 + Int64(number / 2)
        image.updatedAtMs = image.createdAtMs + 999
        if status == .active {
            image.sizeBytes = 5
            image.virtualSizeBytes = 1 << 30
            image.digests = ContentDigests(md5: "00", sha512: "11")
        }
        return image
    }

    static let tasks: [TaskRecord] = TaskState.allCases.enumerated().map { number, state in
        TaskRecord(
            id: taskID(number), image: id(number), kind: .import, state: state,
            request: ImportRequest(method: .webDownload, uri: "https://h.example/x", stores: []), owner: "p1",
            tenant: "p1", priority: 4, requestID: "req", priorStatus: .queued, attempt: number, spent: 0, nonce: nil,
            worker: nil, leaseMs: 30_000, beatSeq: 0, isSuspect: false, phase: nil, message: "", bytesDone: 0,
            bytesTotal: nil, result: nil, createdAtMs: 1_700_000_000_000 + Int64(number / 2),
            updatedAtMs: 1_700_000_000_000, dueAtMs: nil, deadlineAtMs: 0, expiresAtMs: number == 1 ? 5 : nil)
    }

    static func id(_ number: Int) -> ImageID {
        ImageID(rawValue: "00000000-0000-4000-8000-00000000000\(number % 10)") ?? .random()
    }

    static func taskID(_ number: Int) -> TaskID {
        TaskID(rawValue: "10000000-0000-4000-8000-00000000000\(number % 10)") ?? .random()
    }
}

/// How a fleet's workers went on with each other's imports, as their logs tell.
struct Continuations {
    /// Where attempts went on, by task, in bytes.
    private(set) var offsets: [String: [Int64]] = [:]
    /// Why imports were begun anew that had been continued, or might have been, by task.
    private(set) var anew: [String: [String]] = [:]

    init(of services: [ServiceProcess]) {
        for line in services.flatMap({ $0.lines() }) {
            guard let task = line.metadata?["task"] else { continue }
            switch line.message {
            case "goes on where the last attempt was":
                offsets[task, default: []].append(line.metadata?["offset"].flatMap { Int64($0) } ?? 0)
            case "begins anew", "has to begin anew":
                anew[task, default: []].append(line.metadata?["reason"] ?? "")
            default: break
            }
        }
    }

    var count: Int { offsets.values.reduce(0) { $0 + $1.count } }
}

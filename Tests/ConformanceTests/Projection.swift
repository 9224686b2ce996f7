import Foundation
@testable import ProtocolModel
import RedisClient

/// What the keys say, in the model's terms; and what they say that the model takes for granted and is not so.
struct Projection {
    private(set) var redis: Redis
    private(set) var faults: [String] = []
    private(set) var revisions: [Int]
    private let configuration: Configuration
    private let runID: String
    private let nowMs: Int

    private typealias Scores = [String: Double]
    private var hashes: [String: [String: String]] = [:]
    private var sets: [String: Scores] = [:]
    private var texts: [String: String] = [:]
    private var lengths: [String: Int] = [:]

    /// - Parameter dump: name, type and content of each key.
    init(_ dump: [RedisValue], _ configuration: Configuration, runID: String) {
        self.configuration = configuration
        self.runID = runID
        nowMs = Int(Date().timeIntervalSince1970 * 1000)
        redis = Redis(configuration)
        revisions = Array(repeating: 0, count: configuration.images)
        for index in stride(from: 0, to: dump.count - 2, by: 3) {
            guard let key = dump[index].string?.dropFirst(Wire.tag.count), let type = dump[index + 1].string else {
                continue
            }
            let name = String(key)
            switch type {
            case "hash": hashes[name] = dump[index + 2].hash() ?? [:]
            case "zset": sets[name] = Self.scores(dump[index + 2])
            case "list": lengths[name] = dump[index + 2].int.map { Int($0) } ?? 0
            default: texts[name] = dump[index + 2].string ?? ""
            }
        }
        readImages()
        readTasks()
        readIndexes()
        redis = redis.asRedisTells
    }

    private static func scores(_ value: RedisValue) -> Scores {
        let flat = value.array ?? []
        var scores: Scores = [:]
        for index in stride(from: 0, to: flat.count - 1, by: 2) {
            scores[flat[index].string ?? ""] = flat[index + 1].string.flatMap(Double.init) ?? .nan
        }
        return scores
    }

    private mutating func readImages() {
        for number in 0..<configuration.images {
            let name = Wire.image(number)
            let hash = hashes["image:\(name)"] ?? [:]
            var image = redis.images[number]
            image.status = Self.status(hash["status"]) ?? .queued
            image.lock = texts["image:\(name):lock"].flatMap(Wire.number)
            image.digest = hash["md5"].flatMap(Wire.number)
            if hash["md5"] != hash["sha512"] { faults.append("\(name): md5 and sha512 are of different bytes") }
            image.format = hash["disk_format"].flatMap(Wire.number) ?? 0
            for store in 0..<configuration.stores {
                image.locations[store] = hash["loc:\(Wire.store(store))"].flatMap { object($0, in: store) }
            }
            if let stage = hash["stage"] {
                let fields = (try? JSONSerialization.jsonObject(with: Data(stage.utf8))) as? [String: Any] ?? [:]
                let store = (fields["store"] as? String).flatMap(Wire.number) ?? 0
                image.stage = (fields["key"] as? String).flatMap { object($0, in: store) }
            }
            redis.images[number] = image
            revisions[number] = hash["revision"].flatMap { Int($0) } ?? 0
            readIndexes(of: name, hash)
        }
    }

    /// Lists are no part of the model; whatever a call does, their indexes say what the record says.
    private mutating func readIndexes(of image: String, _ hash: [String: String]) {
        var expected: [String: Double] = [:]
        if let status = hash["status"], status != "deleted" {
            let created = hash["created_at"].flatMap(Double.init) ?? .nan
            expected = [
                "index:images": created, "index:updated": hash["updated_at"].flatMap(Double.init) ?? .nan,
                "index:visibility:\(hash["visibility"] ?? "shared")": created, "index:name": 0,
            ]
            if status != "active" { expected["index:inactive"] = created }
        }
        var found: [String: Double] = [:]
        for (key, entries) in sets where key.hasPrefix("index:") {
            for (entry, score) in entries where entry.hasSuffix(image) { found[key] = score }
        }
        if found != expected { faults.append("\(image): in the indexes \(found), and not \(expected)") }
    }

    private mutating func readTasks() {
        for number in configuration.tasks.indices {
            let name = Wire.task(number)
            guard let hash = hashes["task:\(name)"] else { continue }
            var task = Task()
            task.state = Self.states[hash["state"] ?? ""] ?? .absent
            task.result = hash["result"].flatMap { Self.results[$0] }
            task.prior = Self.status(hash["prior_status"]) ?? .queued
            task.attempt = hash["attempt"].flatMap { Int($0) } ?? 0
            task.spent = hash["spent"].flatMap { Int($0) } ?? 0
            task.nonce = hash["nonce"].flatMap(Wire.number)
            task.worker = hash["worker"].flatMap(Wire.number)
            task.beat = hash["beat_seq"].flatMap { Int($0) } ?? 0
            if let mark = hash["suspect"]?.split(separator: ":"), mark.count == 2 {
                task.suspect = Suspicion(run: mark[0] == runID ? 0 : -1, beat: Int(mark[1]) ?? -1)
            }
            let changed = (hash["updated_at"] ?? hash["created_at"]).flatMap { Int($0) } ?? 0
            task.isOld = changed < nowMs - Wire.long
            task.isOverdue = hash["deadline_at"] == "1"
            task.settled = hash["settled"].flatMap { Self.settled[$0] }
            task.located = Self.located(hash["located"])
            task.stole = hash["stole"].flatMap(Wire.number)
            task.kept = objects(kept: hash["kept"])
            if (texts["task:\(name):checkpoint"] != nil) != (hash["kept"] != nil) {
                faults.append("\(name): a checkpoint without objects, or objects without a checkpoint")
            }
            let queue = sets["queue:\(hash["owner"] ?? "")"] ?? [:]
            if task.isLive, let score = hash["score"].flatMap(Double.init) ?? queue[name] {
                task.place = Int(score - Self.middlePriority)
            }
            redis.tasks[number] = task
            readIndexes(of: number, task, hash, changed)
        }
    }

    /// Where the task stands, and whether what belongs together is the same.
    private mutating func readIndexes(of number: Int, _ task: Task, _ hash: [String: String], _ changed: Int) {
        let name = Wire.task(number)
        let tenant = hash["owner"] ?? ""
        if let score = sets["queue:\(tenant)"]?[name] {
            redis.queued.insert(number)
            if Int(score - Self.middlePriority) != task.place { faults.append("\(name): not at its place") }
        }
        if let score = sets["delayed"]?[name] {
            redis.delayed.insert(number)
            if score == 1 { redis.due.insert(number) }
            if hash["due_at"].flatMap(Double.init) != score { faults.append("\(name): due at another time") }
        } else if hash["due_at"] != nil {
            faults.append("\(name): due, and not delayed")
        }
        if let score = sets["leases"]?[name] {
            redis.leases.insert(number)
            let lease = hash["lease_ms"].flatMap { Int($0) } ?? 0
            if Int(score) != changed + lease { faults.append("\(name): its lease is not last beat + lease (Q2)") }
        }
        if sets["live"]?[name] != nil { redis.live.insert(number) }
        if (sets["done"]?[name] != nil) == task.isLive { faults.append("\(name): `done` is wrong about it") }
        if sets["image:\(hash["image"] ?? ""):tasks"]?[name] == nil { faults.append("\(name): unknown to its image") }
        let ended = task.attempt - (task.state == .processing ? 1 : 0)
        if lengths["task:\(name):history"] ?? 0 != ended { faults.append("\(name): \(ended) attempts have ended") }
    }

    private mutating func readIndexes() {
        let control = hashes["control"] ?? [:]
        redis.isPaused = control["paused"] != nil
        let turn = control["turn"].flatMap { Double($0) } ?? 0
        let scores = (0..<configuration.tenants).map { sets["ring"]?[Wire.tenant($0)].map { $0 - turn } }
        let earlier = Set(scores.compactMap(\.self).filter { $0 < 0 }).sorted(by: >)
        redis.ring = scores.map { score in
            score.map { score in earlier.firstIndex(of: score).map { -1 - $0 } ?? (score == 0 ? 0 : 1) }
        }
        for nonce in 0..<configuration.nonces {
            redis.claims[nonce] = texts["claim:\(Wire.nonce(nonce))"].flatMap(Wire.number)
        }
        for (member, score) in sets["garbage"] ?? [:] {
            let parts = member.split(separator: " ")
            guard parts.count == 2, let store = Wire.number(parts[0]), let object = object(String(parts[1]), in: store)
            else {
                faults.append("garbage that nobody wrote: \(member)")
                continue
            }
            redis.garbage.insert(object)
            if score == 1 { redis.ripe.insert(object) }
        }
    }

    /// What a checkpoint names.
    func objects(kept: String?) -> Bits {
        Bits(
            (kept ?? "").split(separator: ",").compactMap { named in
                let parts = named.split(separator: " ")
                guard parts.count == 2, let store = Wire.number(parts[0]) else { return nil }
                return object(String(parts[1]), in: store)
            })
    }

    private func object(_ key: String, in store: Int) -> Int? {
        let parts = key.split(separator: "/")
        guard parts.count == 2, let image = Wire.number(parts[0]), let nonce = Wire.number(parts[1]) else { return nil }
        return configuration.object(image: image, store: store, nonce: nonce)
    }

    static func located(_ list: String?) -> Bits {
        Bits((list ?? "").split(separator: ",").compactMap { Wire.number($0) })
    }

    /// What the priority of all tasks here adds to their places.
    private static let middlePriority = 5.0 * 17_592_186_044_416

    static func status(_ name: String?) -> ImageStatus? { name.flatMap { statuses[$0] } }

    private static let statuses = Dictionary(
        uniqueKeysWithValues: [ImageStatus.queued, .uploading, .saving, .importing, .active, .deactivated, .deleted]
            .map { (Wire.name($0), $0) })
    static let states = Dictionary(
        uniqueKeysWithValues: [TaskState.pending, .processing, .success, .failure].map { ("\($0)", $0) })
    static let results: [String: TaskResult] = [
        "success": .success, "rejected": .rejected, "attempts-spent": .attemptsSpent, "cancelled": .cancelled,
        "stolen": .stolen, "image-deleted": .imageDeleted, "deadline": .deadline, "interrupted": .interrupted,
    ]
    private static let settled: [String: Settled] = [
        "requeued": .requeued, "ended": .ended, "released": .released,
    ]
}

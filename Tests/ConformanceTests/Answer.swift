@testable import ProtocolModel
import RedisClient

/// A script's reply in the model's terms; nil where the model knows no such reply.
struct Answer {
    let configuration: Configuration
    /// What was answered; garbage is told by its key, and whose store is meant follows from the call.
    let operation: Operation

    func read(_ value: RedisValue) -> Reply? {
        if case .error = value { return .refused }
        guard let values = value.array, let word = values.first?.string else { return nil }
        func text(_ index: Int) -> String { index < values.count ? values[index].string ?? "" : "" }
        func count(_ index: Int) -> Int { index < values.count ? values[index].int.map { Int($0) } ?? -1 : -1 }
        switch word {
        case "created" where values.count == 3, "opened":
            guard let prior = Projection.status(text(1)) else { return nil }
            let stolen = Wire.number(text(2))
            return word == "created" ? .created(prior: prior, stolen: stolen) : .opened(prior: prior, stolen: stolen)
        case "no-image": return .noImage
        case "locked": return Wire.number(text(1)).map { .locked(by: $0) }
        case "wrong-status": return Projection.status(text(1)).map { .wrongStatus($0) }
        case "task": return task(values)
        case "empty": return .empty
        case "paused": return .paused
        case "resumed": return .resumed
        case "over": return .over
        case "ok": return .ok
        case "kept", "forgotten": return .kept
        case "stored": return Wire.number(text(1)).map { .stored($0) }
        case "published": return .published
        case "located": return .located
        case "gone": return .gone
        case "changed": return .changed
        case "lost": return lost(text(1)).map { .lost($0) }
        case "requeued": return .requeued
        case "ended": return .ended
        case "released": return .released
        case "suspected": return .suspected
        case "moved": return .moved
        case "alive": return .alive
        case "cancelled": return .cancelled
        case "terminal": return Projection.states[text(1)].map { .terminal($0) }
        case "no-task": return .noTask
        case "updated": return .updated
        case "deleted": return .deleted
        case "switched": return .switched
        case "no-location": return .noLocation
        case "last-location": return .lastLocation
        case "named": return .named(count(1))
        case "taken": return taken(values)
        case "done": return .done(count(1))
        // An audit that finds anything to repair has no counterpart in the model.
        case "audited": return count(1) == 0 ? .audited : nil
        case "next": return count(2) == 0 ? .next(ended: count(3)) : nil
        default: return nil
        }
    }

    private func task(_ values: [RedisValue]) -> Reply? {
        guard values.count == 6, let id = values[1].string.flatMap(Wire.number), let task = values[2].hash(),
            let image = values[3].hash(), let nonce = task["nonce"].flatMap(Wire.number),
            let beat = task["beat_seq"].flatMap({ Int($0) })
        else { return nil }
        let format = image["disk_format"].flatMap(Wire.number) ?? 0
        let projection = Projection([], configuration, runID: "")
        return .task(
            Claimed(
                task: id, nonce: nonce, beat: beat, stage: stage(image["stage"]), format: format,
                kept: projection.objects(kept: task["kept"]), digest: image["md5"].flatMap(Wire.number),
                located: Projection.located(task["located"])))
    }

    private func stage(_ json: String?) -> Int? {
        guard let json else { return nil }
        for object in 0..<configuration.objects {
            let wire = Wire(configuration: configuration)
            // Slashes may be escaped in JSON.
            let keys = [wire.key(object), wire.key(object).split(separator: "/").joined(separator: "\\/")]
            let isStored = json.contains("\"\(Wire.store(configuration.store(of: object)))\"")
            if isStored, keys.contains(where: { json.contains("\"\($0)\"") }) { return object }
        }
        return nil
    }

    private func lost(_ why: String) -> Lost? {
        switch why {
        case "gone": .gone
        case "recovered": .recovered
        case "superseded": .superseded
        default: Projection.results[why].map { .ended($0) }
        }
    }

    /// `taken sequence of-all (key score)…`
    private func taken(_ values: [RedisValue]) -> Reply? {
        guard case .call(.garbageTake(let store)) = operation else { return nil }
        var objects = Bits()
        for index in stride(from: 3, to: values.count - 1, by: 2) {
            guard let key = values[index].string, values[index + 1].string == Wire.ripeScore,
                let object = configuration.objects(in: store).first(where: {
                    Wire(configuration: configuration).key($0) == key
                })
            else { return nil }
            objects.insert(object)
        }
        return .taken(objects)
    }
}

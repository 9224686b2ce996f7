import Foundation
import ImportModel
import NIOHTTP1
import TestSupport

/// Imports onto a disk that gets full, cannot be written to, and is not there.
struct DiskRound {
    let run: FaultRun
    let round: Int

    private static let imageMiB = 4
    private static let diskMiB = 30

    func play() async throws {
        let plan = run.plan(Fleet.calm + ["lease.max-attempts=3", "worker.concurrency=4"])
        try await Fleet.run(plan) { fleet in
            let disk = SmallDisk(mib: Self.diskMiB, store: fleet.store)
            let worker = try await fleet.startWorker(Fleet.Launch(launcher: disk.founder))
            let joined = Fleet.Launch(launcher: disk.member(of: worker))
            _ = try await fleet.startWorker(joined)
            let client = try await fleet.startAPI(joined).client
            let check = RestCheck(fleet: fleet, objects: disk.contents(of: worker))
            var images = try await fill(fleet, client)
            try await check.swept()
            run.violated(try await check.problems(images))
            // All but one make room for others.
            for id in images.keys.dropFirst() {
                images[id] = nil
                let answer = try await client.send(.DELETE, "/v2/images/\(id)")
                guard answer.status == 204 else { throw UnexpectedAnswer("delete", answer) }
            }
            try await check.swept()
            images.merge(try await readOnly(disk, worker, fleet, client)) { $1 }
            images.merge(try await gone(disk, worker, fleet, client)) { $1 }
            try await check.swept()
            run.violated(try await check.problems(images))
        }
    }

    private func image(_ number: Int) -> SourceImage { SourceImage(seed: 1000 * round + number, mib: Self.imageMiB) }

    /// More images than there is room for. Returns those that are active.
    private func fill(_ fleet: Fleet, _ client: FleetClient) async throws -> [ImageID: SourceImage] {
        var all: [ImageID: SourceImage] = [:]
        for number in 0..<12 {
            let image = image(number)
            all[try await client.beginImport(fleet.source.url(image))] = image
        }
        var active: [ImageID: SourceImage] = [:]
        for (id, image) in all {
            try await eventually(within: .seconds(60)) { try await client.task(of: id).state.isTerminal }
            let task = try await client.task(of: id)
            if task.result == .success {
                active[id] = image
                continue
            }
            run.count(.diskFull, task.spent)
            if task.result != .attemptsSpent || task.spent != 3 || !Self.tellsFull(task.message) {
                run.violated(.economy, "on a full disk \(task.spent) attempts, '\(task.message)'")
            }
        }
        run.ended(images: all.count)
        if active.isEmpty || active.count * Self.imageMiB > Self.diskMiB {
            run.violated(.content, "\(active.count) images of \(Self.imageMiB) MiB are on \(Self.diskMiB) MiB")
        }
        return active
    }

    private static func tellsFull(_ message: String) -> Bool {
        message.contains("are free in") || message.contains("No space left")
    }

    /// What lasts as long as somebody does nothing about it is not held against the images.
    private func readOnly(
        _ disk: SmallDisk, _ worker: ServiceProcess, _ fleet: Fleet, _ client: FleetClient
    ) async throws -> [ImageID: SourceImage] {
        try await disk.setReadOnly(true, for: worker)
        let image = image(20)
        let id = try await client.beginImport(fleet.source.url(image))
        try await refused(id, client, saying: "mount the file system writable")
        try await disk.setReadOnly(false, for: worker)
        try await settled(id, client)
        return [id: image]
    }

    /// The store's place is there, without the store. Nothing may be put into it, nor be taken for lost.
    private func gone(
        _ disk: SmallDisk, _ worker: ServiceProcess, _ fleet: Fleet, _ client: FleetClient
    ) async throws -> [ImageID: SourceImage] {
        let (running, staged, next, kept) = (image(30), image(31), image(32), image(33))
        let half = ImageSource.Fault(kind: .gate, number: running.size / 2, times: 1)
        let keptID = try await client.beginImport(fleet.source.url(kept))
        try await client.wait(for: [keptID])
        let stagedID = try await client.create()
        let answer = try await client.send(
            .PUT, "/v2/images/\(stagedID)/stage", headers: [("Content-Type", "application/octet-stream")],
            body: staged.bytes)
        guard answer.status == 204 else { throw UnexpectedAnswer("stage", answer) }
        let runningID = try await client.beginImport(fleet.source.url(running, half))
        try await eventually { try await client.task(of: runningID).bytesDone > 0 }

        try await disk.takeAway(from: worker)
        fleet.source.openGate()
        let nextID = try await client.beginImport(fleet.source.url(next))
        let order = try await client.send(
            .POST, "/v2/images/\(stagedID)/import", json: #"{"method":{"name":"glance-direct"}}"#)
        guard order.status == 202 else { throw UnexpectedAnswer("import", order) }
        for id in [nextID, stagedID] { try await refused(id, client, saying: "mount the") }
        let download = try await client.send(.GET, "/v2/images/\(keptID)/file")
        if download.status < 500 {
            run.violated(.answers, "an image in a store that is not mounted is answered with \(download.status)")
        }
        try await disk.bringBack(to: worker)
        for id in [runningID, nextID, stagedID] { try await settled(id, client) }
        return [keptID: kept, runningID: running, stagedID: staged, nextID: next]
    }

    /// Waits until an attempt has ended that says this.
    private func refused(_ id: ImageID, _ client: FleetClient, saying words: String) async throws {
        var last = ""
        do {
            try await eventually(within: .seconds(20)) {
                let task = try await client.task(of: id)
                last = "\(task.state), \(task.message), \(task.history ?? [])"
                return task.state.isTerminal || task.history?.contains { $0.reason.contains(words) } ?? false
            }
            run.count(.store)
        } catch {
            run.violated(.answers, "no attempt says '\(words)': \(last)")
        }
    }

    /// The import ends well, with one attempt spent.
    private func settled(_ id: ImageID, _ client: FleetClient) async throws {
        try await eventually(within: .seconds(60)) { try await client.task(of: id).state.isTerminal }
        let task = try await client.task(of: id)
        run.ended(images: 1)
        if task.result != .success { run.violated(.ends, "\(task.message) \(task.history ?? [])") }
        if task.spent != 1 {
            run.violated(.economy, "a store that was away cost \(task.spent) attempts: \(task.history ?? [])")
        }
    }
}

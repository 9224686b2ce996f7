@testable import ProtocolModel
import RedisClient

@testable import LeaseStore

/// How the model's calls are made of the real scripts, and what the numbers of the model are called in Redis.
struct Wire {
    let configuration: Configuration
    /// Of every image, for `image-update`.
    var revisions: [Int] = []

    static let tag = "{model}:"
    static let anchor = tag + "control"
    /// Longer than any test: nothing becomes old, due, overdue or ripe but by the environment's hand.
    static let long = 360_000_000
    static let ripeScore = "1"

    static func image(_ number: Int) -> String { "image\(number)" }
    static func task(_ number: Int) -> String { "task\(number)" }
    static func nonce(_ number: Int) -> String { "nonce\(number)" }
    static func worker(_ number: Int) -> String { "worker\(number)" }
    static func store(_ number: Int) -> String { "store\(number)" }
    static func tenant(_ number: Int) -> String { "tenant\(number)" }
    static func format(_ number: Int) -> String { "format\(number)" }
    /// The number in such a name.
    static func number(_ name: some StringProtocol) -> Int? { Int(name.drop { !$0.isNumber }) }

    func key(_ object: Int) -> String {
        "\(Self.image(configuration.image(of: object)))/\(Self.nonce(configuration.nonce(of: object)))"
    }

    static func name(_ status: ImageStatus) -> String { "\(status)" }

    func call(_ call: Call) -> (script: RedisScript, arguments: [String])? {
        switch call {
        case .importCreate(let task): (Scripts.importCreate, create(task))
        case .uploadOpen(let task, let nonce, let worker):
            (Scripts.uploadOpen, open(task, nonce, worker))
        case .importClaim(let nonce, let worker):
            (
                Scripts.importClaim,
                [
                    Self.nonce(nonce), Self.worker(worker),
                    (0..<configuration.stores).map(Self.store).joined(separator: ","), "\(Self.long)",
                ]
            )
        case .importBeat(let task, let nonce, let number):
            (
                Scripts.importBeat,
                [Self.task(task), Self.nonce(nonce), "\(number)", "streaming", "", "1", "", "1000"]
            )
        case .importCheckpoint(let task, let nonce, let objects) where objects.isEmpty:
            (Scripts.checkpointForget, [Self.task(task), Self.nonce(nonce), "changed"])
        case .importCheckpoint(let task, let nonce, let objects):
            (
                Scripts.importCheckpoint,
                [Self.task(task), Self.nonce(nonce), "value"]
                    + objects.flatMap { [Self.store(configuration.store(of: $0)), key($0)] }
            )
        case .importPublish(let publish): (Scripts.importPublish, arguments(publish))
        case .importLocate(let locate):
            (
                Scripts.importLocate,
                [
                    Self.task(locate.task), Self.nonce(locate.nonce), Self.store(locate.store), "4096",
                    Self.nonce(locate.digest), Self.nonce(locate.digest),
                ]
            )
        case .importFail(let task, let nonce, let how):
            (Scripts.importFail, [Self.task(task), Self.nonce(nonce)] + arguments(how))
        case .importRelease(let task, let nonce):
            (Scripts.importRelease, [Self.task(task), Self.nonce(nonce)])
        case .importSuspect(let task, let beat): (Scripts.importSuspect, [Self.task(task), "\(beat)"])
        case .importRecover(let task, let beat, let dead):
            (Scripts.importRecover, [Self.task(task), "\(beat)", dead.map(Self.worker) ?? ""])
        case .importCancel(let task): (Scripts.importCancel, [Self.task(task), "cancelled"])
        case .imageUpdate(let image, let format):
            (
                Scripts.imageUpdate,
                [Self.image(image), "\(revisions[image])", "0", "disk_format", Self.format(format)]
            )
        case .imageDelete(let image): (Scripts.imageDelete, [Self.image(image)])
        case .locationDelete(let image, let store):
            (Scripts.locationDelete, [Self.image(image), Self.store(store)])
        case .imageSwitch(let image, let isActive):
            (Scripts.imageSwitch, [Self.image(image), isActive ? "active" : "deactivated"])
        case .garbageName(let objects):
            (
                Scripts.garbageName,
                objects.flatMap { [Self.store(configuration.store(of: $0)), key($0)] }
            )
        case .garbageTake(let store):
            (Scripts.garbageTake, ["\(Self.long)", "100", Self.store(store)])
        case .queuePause(let isPaused): (Scripts.queuePause, [isPaused ? "1" : "0"])
        case .auditStep: (Scripts.auditStep, ["0", "100"])
        case .auditIndex: (Scripts.auditIndex, ["100"])
        case .auditImage(let image): (Scripts.auditImage, [Self.image(image)])
        case .garbageDone, .part: nil
        }
    }

    /// The script that is called; nil for what is no call.
    func script(of operation: Operation) -> RedisScript? {
        switch operation {
        case .call(let call): self.call(call)?.script
        case .done(let store, let objects, let renewed): done(store, objects, renewed: renewed).script
        case .passes, .restart: nil
        }
    }

    /// An entry that was named again has another score than the one that was taken.
    func done(_ store: Int, _ objects: Bits, renewed: Bits) -> (script: RedisScript, arguments: [String]) {
        let pairs = objects.flatMap { [key($0), renewed.contains($0) ? "0" : Self.ripeScore] }
        return (Scripts.garbageDone, [Self.store(store)] + pairs)
    }

    private func input(_ task: Int) -> String {
        let stores = configuration.tasks[task].stores.map { "\"\(Self.store($0))\"" }.joined(separator: ",")
        let must = configuration.tasks[task].mustAll ? "" : ",\"must\":false"
        return "{\"stores\":[\(stores)]\(must)}"
    }

    private func create(_ task: Int) -> [String] {
        let request = configuration.tasks[task]
        let wanted: ImageStatus =
            switch request.method {
            case .direct: .uploading
            case .copy: .active
            case .download, .upload, .stage: .queued
            }
        return [
            Self.task(task), Self.image(request.image), input(task), Self.name(wanted), Self.tenant(request.tenant),
            "4", "", "\(Self.long)", "\(Self.long)", request.isForced ? "1" : "", "\(Self.long * 100)",
            "\(configuration.maxAttempts)", "",
        ]
    }

    private func open(_ task: Int, _ nonce: Int, _ worker: Int) -> [String] {
        let request = configuration.tasks[task]
        return [
            Self.task(task), Self.image(request.image), input(task), Self.name(.queued), Self.tenant(request.tenant),
            request.method == .stage ? "stage" : "upload", "", "\(Self.long)", "\(Self.long)",
            request.isForced ? "1" : "", "\(Self.long * 100)", Self.nonce(nonce), Self.worker(worker),
            "\(Self.long)",
        ]
    }

    private func arguments(_ how: Failure) -> [String] {
        switch how {
        case .retryNow: ["retry", "failed", "0"]
        case .retryLater: ["retry", "failed", "\(Self.long)"]
        case .reject: ["reject", "failed", "0"]
        case .workerFault: ["worker-fault", "failed", "\(Self.long)"]
        }
    }

    private func arguments(_ publish: Publish) -> [String] {
        let bytes = Self.nonce(publish.digest)
        return [
            Self.task(publish.task), Self.nonce(publish.nonce), "4096", bytes, bytes, Self.format(publish.format),
            "bare", "done", publish.failed.map(Self.store).joined(separator: ","), "raw", "", "{}", "",
            publish.converted.map(Self.format) ?? "",
        ] + publish.objects.flatMap { [Self.store(configuration.store(of: $0)), key($0)] }
    }
}

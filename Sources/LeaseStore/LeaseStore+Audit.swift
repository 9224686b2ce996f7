package import ImportModel
import RedisClient

/// What a look at a part of the fleet found and did.
package struct AuditReport: Hashable, Sendable {
    package struct Fault: Hashable, Sendable {
        package var invariant: Invariant
        package var text: String
    }

    package var faults: [Fault] = []
    package var looked: [AuditSubject: Int] = [:]
    /// Tasks that were past their deadline; no fault.
    package var ended = 0

    package init() {}

    package static func += (left: inout AuditReport, right: AuditReport) {
        left.faults += right.faults
        left.looked.merge(right.looked, uniquingKeysWith: &+)
        left.ended &+= right.ended
    }
}

/// A part of the catalog, for somebody who walks over all of it.
package struct ImageScan: Sendable {
    package var ids: [ImageID]
    /// Where the walk goes on; `nil` at the end of a round.
    package var next: String?
}

/// An object that an image names, and what is wrong with it.
package struct BrokenObject: Hashable, Sendable {
    package var key: String
    /// Goes on after "object … in store …": `is missing`.
    package var text: String

    package init(key: String, text: String) {
        self.key = key
        self.text = text
    }
}

extension LeaseStore {
    /// Compares all live tasks with their images, locks, indexes and the garbage, a part at a time; repairs what is
    /// wrong, and ends what is overdue.
    /// - Parameter onLook: told how many tasks have been looked at so far.
    package func auditTasks(onLook: (Int) async -> Void = { _ in }) async throws -> AuditReport {
        var report = AuditReport()
        var cursor = "0"
        repeat {
            let reply = try await call(Scripts.auditStep, [cursor, 100])
            guard reply.word == "next" else { throw reply.unknown }
            cursor = try reply.string(0)
            report.ended &+= Int(try reply.int(2))
            report += try faults(in: reply, from: 4, looked: .tasks, Int(try reply.int(3)))
            await onLook(report.looked[.tasks] ?? 0)
            try Task.checkCancellation()
        } while cursor != "0"
        // What the tasks lack has been put back, so that the indexes may be counted.
        var last: AuditReport
        repeat {
            let reply = try await call(Scripts.auditIndex, [Self.repairs])
            guard reply.word == "audited" else { throw reply.unknown }
            last = try faults(in: reply, from: 2, looked: .tasks, 0)
            report += last
            try Task.checkCancellation()
        } while last.faults.count >= Self.repairs
        return report
    }

    /// How much one step repairs of indexes that hold what they should not.
    private static let repairs = 100

    /// Looks at images from their side: locks, stuck ones, ended tasks, and garbage that is in use.
    package func auditImages(_ ids: [ImageID]) async throws -> AuditReport {
        guard !ids.isEmpty else { return AuditReport() }
        let reply = try await call(Scripts.auditImage, ids.map(\.rawValue))
        guard reply.word == "audited" else { throw reply.unknown }
        return try faults(in: reply, from: 2, looked: .images, Int(try reply.int(1)))
    }

    /// At most `count` images, with which one of the fleet's walks goes on.
    package func scanImages(walk: String, atMost count: Int) async throws -> ImageScan {
        try await scanImages([walk, "0", count])
    }

    /// At most `count` images from the place `cursor` on, newest first; `nil`: from the beginning.
    package func scanImages(after cursor: String?, atMost count: Int) async throws -> ImageScan {
        try await scanImages(["", cursor ?? "0", count])
    }

    private func scanImages(_ arguments: [any RedisArgument]) async throws -> ImageScan {
        let reply = try await call(Scripts.imageScan, arguments)
        guard reply.word == "images" else { throw reply.unknown }
        let cursor = try reply.string(0)
        let ids = try (1..<reply.count).compactMap { ImageID(rawValue: try reply.string($0)) }
        return ImageScan(ids: ids, next: cursor == "0" ? nil : cursor)
    }

    /// Writes down what a look at objects of `store` found; what is named no more by now is no fault.
    package func reportObjects(
        of store: StoreID, looked: Int, broken: [BrokenObject]
    ) async throws -> AuditReport {
        let reply = try await call(
            Scripts.objectReport, [store.rawValue, looked] + broken.flatMap { [$0.key, $0.text] })
        guard reply.word == "reported" else { throw reply.unknown }
        return try faults(in: reply, from: 1, looked: .objects, looked)
    }

    /// Tells the figures whether the sweeper deletes nothing in `store` until somebody releases it.
    ///
    /// - Parameter interval: after five of these without another report nothing is told of the store any more.
    package func reportStore(_ store: StoreID, isHeld: Bool, sweptEvery interval: Duration) async throws {
        let reply = try await call(
            Scripts.storeReport, [store.rawValue, isHeld ? "1" : "0", (interval * 5).argument])
        guard reply.word == "reported" else { throw reply.unknown }
    }

    /// The texts of faults, each behind its invariant, from the `index`-th value on.
    private func faults(
        in reply: Reply, from index: Int, looked subject: AuditSubject, _ looked: Int
    ) throws(LeaseStoreError) -> AuditReport {
        var report = AuditReport()
        if looked > 0 { report.looked[subject] = looked }
        for index in index..<max(index, reply.count) {
            let words = try reply.string(index).split(separator: " ", maxSplits: 1)
            guard words.count == 2, let invariant = Invariant(rawValue: String(words[0])) else {
                throw reply.malformed("a fault of no invariant")
            }
            report.faults.append(.init(invariant: invariant, text: String(words[1])))
        }
        return report
    }
}

import ImageStorage
import ImportModel
import NIOCore
import Synchronization
import StorageConformance
import TestSupport
import Testing

@testable import ImportPipeline

/// Stores that neither do what they are asked nor say that they cannot.
@Suite struct HangingStoreTests {
    private static let pieces = Array(repeating: ByteBuffer(repeating: 3, count: 1 << 20), count: 12)

    /// Two stores, of which the first hangs; it is let go at the end, when nothing may be left open.
    private func withHanging(
        in point: HangingStorage.Point, mustAll: Bool, stall: Duration = .seconds(4),
        _ body: (Fixture, HangingStorage, _ late: @escaping @Sendable () -> [StoreID]) async throws -> Void
    ) async throws {
        try await Fixture.with(stores: ["bad", "good"]) { given in
            var fixture = given
            let told = Told()
            let bad = HangingStorage(fixture.targets[0], in: point)
            fixture.targets[0] = bad
            fixture.mustAll = mustAll
            fixture.patience = StorePatience(stall: stall, mustAll: mustAll) { store in
                told.stores.withLock { $0.append(store) }
            }
            fixture.patience.commit = fixture.patience.call
            defer { bad.release() }
            try await body(fixture, bad) { told.stores.withLock(\.self) }
            bad.release()
            try await eventually { try openDescriptors(containing: fixture.root).isEmpty }
        }
    }

    @Test func `how long stores are waited for follows from how long a run may stand still`() {
        // The usual one, with which a service of S3 is asked once more after a minute, and takes a quarter of an hour to
        // put a large object together.
        let stall = Duration.seconds(120)
        let needed = StorePatience(stall: stall, mustAll: true) { _ in }
        let spare = StorePatience(stall: stall, mustAll: false) { _ in }
        #expect(needed.call == stall)
        // The others go on before the run counts as one that stands still.
        #expect(spare.call > .seconds(60) && spare.call + .seconds(20) <= stall)
        for patience in [needed, spare] {
            #expect(patience.commit > .seconds(15 * 60) && patience.commit <= stall * StorePatience.commitFactor)
        }
    }

    @Test(arguments: [true, false])
    func `a commit is waited for when other calls would have been given up`(mustAll: Bool) async throws {
        try await Fixture.with(stores: ["slow"]) { given in
            var fixture = given
            let slow = HangingStorage(fixture.targets[0], in: .commit)
            fixture.targets[0] = slow
            fixture.mustAll = mustAll
            fixture.patience = StorePatience(stall: .seconds(2), mustAll: mustAll) { _ in }
            let (running, call) = (fixture, fixture.patience.call)
            let run = Task { try await running.run(Self.pieces) }
            try await eventually { slow.isHanging }
            // What is measured is that it waits for so long.
            try await Task.sleep(for: call * 2)
            slow.release()
            #expect(try await run.value.locations.count == 1)
        }
    }

    @Test(arguments: [HangingStorage.Point.create, .write(0), .write(3), .commit])
    func `a store that hangs is given up where it is not needed, and the others get all`(
        point: HangingStorage.Point
    ) async throws {
        try await withHanging(in: point, mustAll: false) { fixture, bad, late in
            let content = try await fixture.run(Self.pieces)
            #expect(content.locations == [storeID("good"): "\(fixture.key)"])
            #expect(content.sizeBytes == 12 << 20)
            #expect(content.failedStores.keys.elementsEqual([bad.id]))
            #expect(content.failedStores[bad.id]?.contains("has not ended within") == true)
            #expect(try await fixture.sizes() == [nil, 12 << 20])
            #expect(late().isEmpty)
            // Nobody knows what it writes now: whoever is responsible hears of it, once all is written.
            bad.release()
            try await eventually { late() == [bad.id] }
            #expect(try openDescriptors(containing: fixture.root).isEmpty)
        }
    }

    @Test func `a store that is not needed holds nobody up at the end who has the image already`() async throws {
        try await withHanging(in: .commit, mustAll: false) { given, bad, late in
            var fixture = given
            fixture.patience.commit = .seconds(3600)
            let content = try await fixture.run(Self.pieces)
            #expect(content.locations == [storeID("good"): "\(fixture.key)"])
            #expect(content.failedStores[bad.id]?.contains("after another store's") == true)
            bad.release()
            try await eventually { late() == [bad.id] }
        }
    }

    @Test func `where the image is somewhere already nobody waits long for a store that is not needed`() async throws {
        try await withHanging(in: .commit, mustAll: false) { given, bad, late in
            var fixture = given
            fixture.targets.removeLast()
            fixture.isSecured = true
            fixture.patience.commit = .seconds(3600)
            let content = try await fixture.run(Self.pieces)
            #expect(content.locations.isEmpty && content.failedStores.keys.elementsEqual([bad.id]))
            bad.release()
            try await eventually { late() == [bad.id] }
        }
    }

    @Test(arguments: [HangingStorage.Point.create, .write(0), .write(3), .commit])
    func `a store that hangs ends the run where it is needed`(point: HangingStorage.Point) async throws {
        try await withHanging(in: point, mustAll: true) { fixture, bad, late in
            let error = await #expect(throws: PipelineError.self) { try await fixture.run(Self.pieces) }
            guard case .storage(bad.id, .unavailable) = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            bad.release()
            try await eventually { late() == [bad.id] }
        }
    }

    @Test func `why a run has failed is told although its stores hang while they are closed`() async throws {
        try await withHanging(in: .abandon, mustAll: true, stall: .seconds(3600)) { given, bad, late in
            var fixture = given
            let other = HangingStorage(fixture.targets[1], in: .abandon)
            fixture.targets[1] = other
            fixture.patience.grace = .milliseconds(50)
            fixture.expected = try ExpectedDigest(parsing: "md5:" + String(repeating: "0", count: 32))
            let running = fixture
            let error = await #expect(throws: PipelineError.self) { try await running.run(Self.pieces) }
            guard case .digestMismatch = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(bad.isHanging && other.isHanging)
            bad.release()
            other.release()
            try await eventually { Set(late()) == [bad.id, other.id] }
        }
    }

    @Test func `where all stores hang the run ends`() async throws {
        try await withHanging(in: .write(1), mustAll: false) { given, bad, late in
            var fixture = given
            let other = HangingStorage(fixture.targets[1], in: .commit)
            fixture.targets[1] = other
            let running = fixture
            let error = await #expect(throws: PipelineError.self) { try await running.run(Self.pieces) }
            other.release()
            guard case .noStoreLeft(let failures) = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(Set(failures.keys) == [bad.id, other.id])
            try await eventually { late() == [other.id] }
        }
    }

    @Test func `cancelling ends a run with a store that hangs, however long it might be waited for`() async throws {
        try await withHanging(in: .write(2), mustAll: true, stall: .seconds(3600)) { given, bad, late in
            var fixture = given
            fixture.patience.grace = .milliseconds(50)
            let running = fixture
            let run = Task { try await running.run(Self.pieces) }
            try await eventually { bad.isHanging }
            run.cancel()
            await #expect(throws: (any Error).self) { try await run.value }
            bad.release()
            try await eventually { late().contains(bad.id) }
        }
    }

    @Test func `stores are opened at once`() async throws {
        try await withHanging(in: .create, mustAll: true, stall: .seconds(3600)) { given, bad, _ in
            var fixture = given
            let other = HangingStorage(fixture.targets[1], in: .create)
            fixture.targets[1] = other
            let running = fixture
            let run = Task { try await running.run(Self.pieces) }
            try await eventually { bad.isHanging && other.isHanging }
            bad.release()
            other.release()
            #expect(try await run.value.locations.count == 2)
        }
    }

    @Test func `no store need be left where another one has the bytes already`() async throws {
        try await Fixture.with(stores: ["one", "two"]) { given in
            var fixture = given
            fixture.isSecured = true
            fixture.mustAll = false
            let failing = fixture.targets.enumerated().map { index, target in
                FailingStorage(base: target, point: index == 0 ? .create : .write(2))
            }
            fixture.targets = failing
            let content = try await fixture.run(Self.pieces)
            #expect(content.locations.isEmpty)
            #expect(
                content.failedStores == [
                    failing[0].id: "\(failing[0].failure)", failing[1].id: "\(failing[1].failure)",
                ])
            #expect(content.digests.md5 == digests(of: ByteBuffer(repeating: 3, count: 12 << 20)).md5)
            // Of another object: one that was begun would be an error of its own.
            fixture = fixture.again()
            fixture.mustAll = true
            let running = fixture
            await #expect(throws: PipelineError.storage(failing[0].id, failing[0].failure)) {
                try await running.run(Self.pieces)
            }
        }
    }
}

private final class Told: Sendable {
    let stores = Mutex<[StoreID]>([])
}

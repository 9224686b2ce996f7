package import ImageStorage
import ImportModel
import NIOCore
import Testing

/// What every adapter of `ImageStorage` must do, whatever it stores to. An adapter's tests run all of `checks`.
package struct StorageConformance: Sendable {
    package struct Check: Sendable, CustomTestStringConvertible {
        package let testDescription: String
        package let run: @Sendable (any ImageStorage) async throws -> Void
    }

    package static let checks: [Check] = writing + reading + deleting + whole

    private static let writing = [
        Check("an object is there after commit, whole, and not before") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: 6)
            try await writer.write(ByteBuffer(string: "abc"))
            try await writer.write(ByteBuffer(string: "def"))
            #expect(try await store.size(key) == nil)
            await #expect(throws: StorageError.notFound(store.id, key)) { try await store.read(key, range: nil) }
            try await writer.commit(description(key, 6))
            #expect(try await store.size(key) == 6)
            #expect(try await content(of: key, in: store) == "abcdef")
        },
        Check("an empty object can be stored") { store in
            let key = newKey()
            try await put("", key, store)
            #expect(try await store.size(key) == 0)
            #expect(try await content(of: key, in: store) == "")
        },
        Check("an object is never written again") { store in
            let key = newKey()
            try await put("first", key, store)
            await #expect(throws: StorageError.exists(store.id, key)) {
                try await store.create(key, expectedBytes: nil)
            }
            #expect(try await content(of: key, in: store) == "first")
        },
        Check("of many writers of one key one wins") { store in
            let key = newKey()
            let winners = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        do {
                            try await put("writer \(number)", key, store)
                            return "writer \(number)"
                        } catch StorageError.exists { return nil }
                    }
                }
                return try await group.reduce(into: []) { winners, winner in winner.map { winners.append($0) } }
            }
            #expect(winners.count == 1)
            #expect(try await content(of: key, in: store) == winners.first)
        },
        Check("a writer that was abandoned writes and commits nothing") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            await writer.abandon()
            await writer.abandon()
            await #expect(throws: StorageError.self) { try await writer.write(ByteBuffer(string: "d")) }
            await #expect(throws: StorageError.self) { try await writer.commit(description(key, 3)) }
            #expect(try await store.size(key) == nil)
        },
        Check("giving up after the commit changes nothing") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.commit(description(key, 0))
            await writer.abandon()
            #expect(try await store.size(key) == 0)
        },
        Check("a commit of another size than was written is refused") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            await #expect(throws: StorageError.self) { try await writer.commit(description(key, 4)) }
            #expect(try await store.size(key) == nil)
            await writer.abandon()
        },
    ]

    private static let reading = [
        Check("ranges are delivered, cut to what there is") { store in
            let key = newKey()
            try await put("0123456789", key, store)
            for (range, expected) in [
                (2..<5, "234"), (0..<1, "0"), (8..<100, "89"), (10..<20, ""), (50..<60, ""), (3..<3, ""),
            ] {
                let body = try await store.read(key, range: Int64(range.lowerBound)..<Int64(range.upperBound))
                #expect(body.sizeBytes == 10)
                #expect(body.count == Int64(expected.utf8.count))
                #expect(try await string(body) == expected)
            }
        },
        Check("blocks of any size come back in order") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            var all = ByteBuffer()
            for size in [1, 3 << 20, 0, 4097, 1 << 20] {
                let block = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) })
                all.writeImmutableBuffer(block)
                try await writer.write(block)
            }
            try await writer.commit(description(key, Int64(all.readableBytes)))
            var read = ByteBuffer()
            for try await block in try await store.read(key, range: nil) { read.writeImmutableBuffer(block) }
            #expect(read == all)
        },
    ]

    private static let deleting = [
        Check("an object can be deleted, and deleted again") { store in
            let key = newKey()
            try await store.delete(key)
            try await put("x", key, store)
            try await store.delete(key)
            try await store.delete(key)
            #expect(try await store.size(key) == nil)
            #expect(try await all(store).allSatisfy { $0.key != key })
        },
        Check("deleting removes what was never finished, and its writer cannot finish it any more") { store in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            try await store.delete(key)
            await #expect(throws: StorageError.self) { try await writer.commit(description(key, 3)) }
            #expect(try await store.size(key) == nil)
            await writer.abandon()
        },
        Check("deleting one attempt's object leaves the other's of the same image") { store in
            let image = ImageID.random()
            let keys = [ObjectKey(image: image, nonce: .mint()), ObjectKey(image: image, nonce: .mint())]
            for key in keys { try await put("x", key, store) }
            try await store.delete(keys[0])
            #expect(try await store.size(keys[0]) == nil)
            #expect(try await store.size(keys[1]) == 1)
        },
        Check("objects are created while others of the same image are deleted") { store in
            let image = ImageID.random()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<25 {
                            let key = ObjectKey(image: image, nonce: .mint())
                            try await put("x", key, store)
                            try await store.delete(key)
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
    ]

    private static let whole = [
        Check("a copy inside the service is whole, or not begun") { store in
            let (original, key) = (newKey(), newKey())
            try await put("abcdef", original, store)
            switch try await store.copy(original, of: store, to: key, description(key, 6), step: { _ in }) {
            case .notHere: #expect(try await store.size(key) == nil)
            case .made, .doubtful: #expect(try await content(of: key, in: store) == "abcdef")
            }
            #expect(try await content(of: original, in: store) == "abcdef")
        },
        Check("the listing names what is committed and what is not, page by page") { store in
            let (done, open) = (newKey(), newKey())
            try await put("12345", done, store)
            let writer = try await store.create(open, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "123"))
            let listed = try await all(store)
            let found = listed.first { $0.key == done }
            #expect(found?.sizeBytes == 5)
            #expect(found?.isCommitted == true)
            #expect((found?.age).map { $0 < .seconds(3600) } == true)
            #expect(listed.first { $0.key == open }?.isCommitted == false)
            await writer.abandon()
        },
        Check("the marker is kept, and replaced as a whole") { store in
            let marker = StoreMarker(catalogId: "catalog-1", mark: 7)
            try await store.setMarker(marker)
            #expect(try await store.marker() == marker)
            try await store.setMarker(StoreMarker(catalogId: "catalog-1", mark: 8))
            #expect(try await store.marker()?.mark == 8)
            try await store.check()
        },
    ]
}

extension StorageConformance.Check {
    init(_ name: String, _ run: @escaping @Sendable (any ImageStorage) async throws -> Void) {
        testDescription = name
        self.run = run
    }
}

func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

func description(_ key: ObjectKey, _ size: Int64) -> ObjectDescription {
    ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}

func put(_ text: String, _ key: ObjectKey, _ store: any ImageStorage) async throws {
    let writer = try await store.create(key, expectedBytes: Int64(text.utf8.count))
    do {
        try await writer.write(ByteBuffer(string: text))
        try await writer.commit(description(key, Int64(text.utf8.count)))
    } catch {
        await writer.abandon()
        throw error
    }
}

func string(_ body: ObjectBody) async throws -> String {
    var all = ByteBuffer()
    for try await block in body { all.writeImmutableBuffer(block) }
    return String(buffer: all)
}

func content(of key: ObjectKey, in store: any ImageStorage) async throws -> String {
    try await string(store.read(key, range: nil))
}

func all(_ store: any ImageStorage) async throws -> [StoredObject] {
    var objects: [StoredObject] = []
    var cursor: String?
    repeat {
        let page = try await store.list(after: cursor)
        objects += page.objects
        cursor = page.next
    } while cursor != nil
    return objects
}

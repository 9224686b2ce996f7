import ImageStorage
import ImportModel
import NIOCore
import Testing

extension StorageConformance {
    /// Of an adapter that can go on with what another writer has begun.
    package static let resuming = [
        Check("another writer goes on behind a checkpoint, whatever the first one still writes") { store in
            let begun = try await Begun(in: store)
            let (key, writer) = try await begun.goOn(in: store)
            try await begun.first.write(mebibyte("x"))
            try await finish(writer, from: begun.offset, with: "b", commit: true)
            let object = writer.handedKey ?? key
            #expect(try await isWhole(object, in: store, begun.offset, then: "b"))
            // It wakes, and knows nothing.
            try? await finish(begun.first, from: begun.offset + 1 << 20, with: "x", commit: true)
            #expect(try await isWhole(object, in: store, begun.offset, then: "b"))
            await begun.first.abandon()
        },
        Check("what the first writer completes after all is never taken for the other's") { store in
            let begun = try await Begun(in: store)
            let (key, writer) = try await begun.goOn(in: store)
            try await finish(writer, from: begun.offset, with: "b", commit: false)
            try? await finish(begun.first, from: begun.offset, with: "x", commit: true)
            do {
                try await writer.commit(description(key))
                #expect(try await isWhole(writer.handedKey ?? key, in: store, begun.offset, then: "b"))
            } catch let error as StorageError {
                #expect(error == .overtaken(store.id, begun.key))
                #expect(writer.handedKey == begun.key)
            }
            await writer.abandon()
            await begun.first.abandon()
        },
        Check("a second checkpoint is gone on from as well") { store in
            let begun = try await Begun(in: store)
            let (key, writer) = try await begun.goOn(in: store)
            let more = begun.offset
            for _ in 0..<more >> 20 { try await writer.write(mebibyte("a")) }
            let unfinished = try #require(try await writer.checkpoint(at: begun.offset + more))
            await writer.abandon()
            let next = ObjectKey(image: key.image, nonce: .mint())
            let third = try #require(
                try await store.resume(next, unfinished, at: begun.offset + more, expectedBytes: size))
            while try await third.catchUp({ _ in }) {}
            try await finish(third, from: begun.offset + more, with: "c", commit: true)
            #expect(try await isWhole(third.handedKey ?? next, in: store, begun.offset + more, then: "c"))
            await begun.first.abandon()
        },
        Check("what is gone, was completed, or is not so long is not gone on with") { store in
            let begun = try await Begun(in: store)
            let key = ObjectKey(image: begun.key.image, nonce: .mint())
            for wrong in ["", "{}", "{\"upload\":\"x\"}", begun.unfinished.note + "x"]
            where wrong != begun.unfinished.note {
                let unfinished = UnfinishedObject(key: "\(ObjectKey(image: key.image, nonce: .mint()))", note: wrong)
                #expect(try await store.resume(key, unfinished, at: begun.offset, expectedBytes: size) == nil)
            }
            #expect(try await store.resume(key, begun.unfinished, at: size * 2, expectedBytes: size * 3) == nil)
            try await store.delete(begun.key)
            #expect(try await store.resume(key, begun.unfinished, at: begun.offset, expectedBytes: size) == nil)
            #expect(try await store.size(key) == nil)
            await begun.first.abandon()

            let completed = try await Begun(in: store)
            try await finish(completed.first, from: completed.offset, with: "x", commit: true)
            #expect(try await store.resume(key, completed.unfinished, at: completed.offset, expectedBytes: size) == nil)
        },
    ]
}

private let size: Int64 = 24 << 20

/// An object of which a writer has written a beginning of "a", and of which there is a checkpoint.
private struct Begun {
    let key = ObjectKey(image: .random(), nonce: .mint())
    let first: any ObjectWriter
    let offset: Int64
    let unfinished: UnfinishedObject

    init(in store: any ImageStorage) async throws {
        first = try await store.create(key, expectedBytes: size)
        offset = max(1 << 20, try #require(first.checkpointUnit))
        for _ in 0..<offset >> 20 { try await first.write(mebibyte("a")) }
        unfinished = try #require(try await first.checkpoint(at: offset))
    }

    func goOn(in store: any ImageStorage) async throws -> (ObjectKey, any ObjectWriter) {
        let next = ObjectKey(image: key.image, nonce: .mint())
        let writer = try #require(try await store.resume(next, unfinished, at: offset, expectedBytes: size))
        while try await writer.catchUp({ _ in }) {}
        return (next, writer)
    }
}

private func mebibyte(_ letter: Character) -> ByteBuffer {
    ByteBuffer(repeating: letter.asciiValue ?? 0, count: 1 << 20)
}

private func description(_ key: ObjectKey) -> ObjectDescription {
    ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}

private func finish(
    _ writer: any ObjectWriter, from offset: Int64, with letter: Character, commit: Bool
) async throws {
    for _ in offset >> 20..<size >> 20 { try await writer.write(mebibyte(letter)) }
    if commit { try await writer.commit(description(ObjectKey(image: .random(), nonce: .mint()))) }
}

private func isWhole(
    _ key: ObjectKey, in store: any ImageStorage, _ offset: Int64, then letter: Character
) async throws -> Bool {
    var position: Int64 = 0
    for try await block in try await store.read(key, range: nil) {
        let beginning = Int(clamping: max(0, offset - position))
        let bytes = block.readableBytesView
        guard bytes.prefix(beginning).allSatisfy({ $0 == Character("a").asciiValue }),
            bytes.dropFirst(beginning).allSatisfy({ $0 == letter.asciiValue })
        else { return false }
        position += Int64(bytes.count)
    }
    return position == size
}

package import ImageStorage
import ImportModel
import NIOCore
import Testing

/// What two stores must do of which one copies from the other inside their service.
extension StorageConformance {
    package struct PairCheck: Sendable, CustomTestStringConvertible {
        package let testDescription: String
        package let run: @Sendable (_ store: any ImageStorage, _ other: any ImageStorage) async throws -> Void
    }

    package static let copying = [
        PairCheck("a copy is there afterwards, whole, and the original stays") { store, other in
            for (text, md5) in [
                ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abcdef", "e80b5017098950fc58aad83c8c14978e"),
            ] {
                let (original, key) = (newKey(), newKey())
                try await put(text, original, other)
                let count = Int64(text.utf8.count)
                let description = ObjectDescription(
                    image: key.image, sizeBytes: count, digests: ContentDigests(md5: md5, sha512: ""))
                let copy = try await store.copy(original, of: other, to: key, description, step: { _ in })
                #expect(copy == .made)
                #expect(try await content(of: key, in: store) == text)
                #expect(try await content(of: original, in: other) == text)
                let listed = try await all(store).first { $0.key == key }
                #expect(listed?.sizeBytes == count && listed?.isCommitted == true)
                try await store.delete(key)
                #expect(try await store.size(key) == nil)
                #expect(try await content(of: original, in: other) == text)
            }
        },
        PairCheck("an object is never replaced by a copy") { store, other in
            let (original, key) = (newKey(), newKey())
            try await put("original", original, other)
            try await put("there", key, store)
            await #expect(throws: StorageError.exists(store.id, key)) {
                try await store.copy(original, of: other, to: key, description(key, 8), step: { _ in })
            }
            #expect(try await content(of: key, in: store) == "there")
        },
        PairCheck("what is not there, or has another size, is not copied") { store, other in
            let (original, key) = (newKey(), newKey())
            await #expect(throws: StorageError.notFound(other.id, original)) {
                try await store.copy(original, of: other, to: key, description(key, 3), step: { _ in })
            }
            try await put("abcd", original, other)
            await #expect(throws: StorageError.self) {
                try await store.copy(original, of: other, to: key, description(key, 3), step: { _ in })
            }
            #expect(try await store.size(key) == nil)
        },
        PairCheck("whoever must not write any more ends the copy") { store, other in
            let (original, key) = (newKey(), newKey())
            try await put("abcd", original, other)
            await #expect(throws: CancellationError.self) {
                try await store.copy(original, of: other, to: key, description(key, 4)) { _ in
                    throw CancellationError()
                }
            }
            #expect(try await store.size(key) == nil)
        },
    ]
}

extension StorageConformance.PairCheck {
    fileprivate init(
        _ name: String,
        _ run: @escaping @Sendable (_ store: any ImageStorage, _ other: any ImageStorage) async throws -> Void
    ) {
        testDescription = name
        self.run = run
    }
}

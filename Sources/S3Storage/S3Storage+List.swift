import Foundation
package import ImageStorage
import ImportModel

extension S3Storage {
    /// Objects by name first, then uploads. Of an upload the service does not tell the size, so 0 is given. A
    /// description without an object is listed as uncommitted: its writer died before the commit.
    package func list(after cursor: String?) async throws(StorageError) -> ObjectPage {
        if let last = Cursor(uploads: cursor) { return try await uploads(after: last) }
        let after = cursor.map { String($0.dropFirst(2)) }
        let page = try await told { () throws(S3CallFailure) in
            try await objects.objects(prefix: location.prefix, after: after)
        }
        let now = Date()
        var previous = after ?? ""
        let stored = page.objects.compactMap { entry -> StoredObject? in
            defer { previous = entry.name }
            if let key = location.key(of: entry.name) {
                return StoredObject(
                    key: key, sizeBytes: entry.sizeBytes, age: age(entry.modified, now), isCommitted: true)
            }
            // A description follows its object in the order of names, on the page before if need be.
            guard entry.name.hasSuffix(Self.descriptionSuffix) else { return nil }
            let name = String(entry.name.dropLast(Self.descriptionSuffix.count))
            guard previous != name, let key = location.key(of: name) else { return nil }
            return StoredObject(
                key: key, sizeBytes: entry.sizeBytes, age: age(entry.modified, now), isCommitted: false)
        }
        let next = page.isTruncated ? page.objects.last.map { "o:" + $0.name } : nil
        return ObjectPage(objects: stored, next: next ?? Cursor(last: nil).text)
    }

    private func uploads(after cursor: Cursor) async throws(StorageError) -> ObjectPage {
        let page = try await told { () throws(S3CallFailure) in
            try await objects.uploads(prefix: location.prefix, after: cursor.last)
        }
        let now = Date()
        let stored = page.uploads.compactMap { upload in
            location.key(of: upload.name).map {
                StoredObject(key: $0, sizeBytes: 0, age: age(upload.initiated, now), isCommitted: false)
            }
        }
        return ObjectPage(objects: stored, next: page.next.map { Cursor(last: $0).text })
    }

    /// What has no date is new: nobody shall delete it for its age.
    private func age(_ date: Date?, _ now: Date) -> Duration {
        .seconds(max(0, date.map { now.timeIntervalSince($0) } ?? 0))
    }

    /// Where a listing of uploads goes on: `u:`, and the last one that was named.
    private struct Cursor {
        let last: (name: String, id: String)?

        init(last: (name: String, id: String)?) { self.last = last }

        /// `nil` for a listing that has not come to the uploads.
        init?(uploads text: String?) {
            guard let text, text.hasPrefix("u:") else { return nil }
            let parts = text.dropFirst(2).split(separator: "\n", maxSplits: 1).map(String.init)
            last = parts.count == 2 ? (parts[0], parts[1]) : nil
        }

        var text: String { "u:" + (last.map { "\($0.name)\n\($0.id)" } ?? "") }
    }
}

import ImportModel

extension Catalog {
    /// Puts a tag on an image; one that is there already stays.
    package func addTag(_ tag: String, to id: String, by caller: Caller) async throws {
        _ = try await change(id, by: caller) { image throws(CatalogError) in
            image.tags.insert(tag)
            try ImageAttribute.admit(tags: image.tags)
        }
    }

    /// - Throws: `.notFound` also for a tag that the image does not have.
    package func removeTag(_ tag: String, from id: String, by caller: Caller) async throws {
        _ = try await change(id, by: caller) { image throws(CatalogError) in
            guard image.tags.remove(tag) != nil else {
                throw .notFound("Image \(image.id) has no tag '\(tag.prefix(64))'.")
            }
        }
    }
}

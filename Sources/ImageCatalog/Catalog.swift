package import ImportModel
package import LeaseStore

/// Images as users see them, over the records of `LeaseStore`.
///
/// Every call throws `CatalogError` for what the caller may not or cannot have, and `LeaseStoreError` when Redis does
/// not answer.
package struct Catalog: Sendable {
    let store: LeaseStore
    /// How long a short outage of Redis is sat out within one request.
    private let patience: Duration

    package init(store: LeaseStore, patience: Duration = .seconds(5)) {
        self.store = store
        self.patience = patience
    }

    /// - Throws: `.notFound` also for what the caller may not see.
    package func image(_ id: String, for caller: Caller) async throws -> ImageRecord {
        guard let known = ImageID(rawValue: id), let image = try await store.image(known), caller.maySee(image) else {
            throw CatalogError.noImage(id)
        }
        return image
    }

    /// The image, if the caller may change it.
    /// - Parameters:
    ///   - action: the row of the policy that says so.
    ///   - verb: for the refusal.
    package func image(
        _ id: String, changedBy caller: Caller, action: PolicyAction = .modifyImage, verb: String = "change"
    ) async throws -> ImageRecord {
        let image = try await image(id, for: caller)
        guard caller.may(action, image) else { throw caller.refusal(action, to: "\(verb) image \(image.id)") }
        return image
    }

    package func create(_ body: JSON, by caller: Caller) async throws -> ImageRecord {
        guard caller.may(.addImage) else { throw caller.refusal(.addImage, to: "create an image") }
        let creation = try ImageCreation(body, by: caller)
        let (created, isRepeat) = try await insist { try await store.createImage(creation.image) }
        if let created { return created }
        // The id is taken: by an earlier try of this very call, whose reply was lost, or by somebody else's image.
        if !creation.hasChosenID || isRepeat, let image = try await store.image(creation.image.id),
            image.owner == creation.image.owner
        {
            return image
        }
        throw CatalogError.conflict("Image ID \(creation.image.id) already exists!")
    }

    package func patch(_ id: String, _ patch: ImagePatch, by caller: Caller) async throws -> ImageRecord {
        try await change(id, by: caller) { image throws(CatalogError) in
            image = try patch.applied(to: image, by: caller)
        }
    }

    /// Changes an image. A change that somebody else made meanwhile is not overwritten: this one is computed again.
    func change(
        _ id: String, by caller: Caller, _ apply: (inout ImageRecord) throws(CatalogError) -> Void
    ) async throws -> ImageRecord {
        for _ in 0..<8 {
            let image = try await image(id, changedBy: caller)
            var changed = image
            try apply(&changed)
            if changed == image { return image }
            switch try await store.updateImage(image, to: changed) {
            case .updated: return try await self.image(id, for: caller)
            case .conflict: continue
            case .noImage: throw CatalogError.noImage(id)
            case .wrongStatus(let status):
                throw CatalogError.forbidden(
                    "The formats can be only replaced for a queued image; this one is \(status.rawValue).")
            }
        }
        throw CatalogError.conflict("Image \(id) is being changed by many at once; try again.")
    }

    package func delete(_ id: String, by caller: Caller) async throws {
        let image = try await image(id, changedBy: caller, action: .deleteImage, verb: "delete")
        let (reply, isRepeat) = try await insist { try await store.deleteImage(image.id) }
        switch reply {
        case .deleted: return
        case .noImage where isRepeat: return
        case .noImage: throw CatalogError.noImage(id)
        case .protected:
            throw CatalogError.forbidden(
                "Image \(id) is protected and cannot be deleted; set protected to false first.")
        }
    }

    /// Makes a call until it is answered, sitting out a short outage of Redis.
    /// - Returns: the answer, and whether an earlier try of this very call may have been carried out.
    func insist<Answer>(_ call: () async throws -> Answer) async throws -> (answer: Answer, isRepeat: Bool) {
        var isRepeat = false
        let answer = try await LeaseStore.insist(for: patience) {
            do {
                return try await call()
            } catch let error as LeaseStoreError {
                if case .inDoubt = error { isRepeat = true }
                throw error
            }
        }
        return (answer, isRepeat)
    }
}

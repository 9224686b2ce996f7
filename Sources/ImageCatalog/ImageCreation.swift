import ImportModel

/// What `POST /v2/images` asks for.
struct ImageCreation: Sendable {
    let image: ImageRecord
    /// Whether the client chose the id, so that it may be taken.
    let hasChosenID: Bool

    init(_ body: JSON, by caller: Caller) throws(CatalogError) {
        guard var members = body.object else {
            throw .invalid("The body must be a JSON object with the attributes of the new image.")
        }
        let chosen = members.removeValue(forKey: "id")
        hasChosenID = chosen != nil
        var image = ImageRecord(id: .random())
        if let chosen {
            guard let id = chosen.string.flatMap(ImageID.init(rawValue:)) else {
                throw .invalid("'id' must be a UUID; leave it out to be given one.")
            }
            image = ImageRecord(id: id)
        }
        image.owner = caller.project
        // By name, so that of several faults it is always the same one that is told.
        for (name, value) in members.sorted(by: { $0.key < $1.key }) { try image.set(name, to: value, by: caller) }
        self.image = image
    }
}

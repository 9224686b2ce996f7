import Foundation
@testable import ImageAPI
@testable import ImageCatalog
import ImportModel
@testable import LeaseStore

/// Bodies of requests: what an image becomes by them can be kept and read again, and nobody gets more than his rights.
enum BodyTarget {
    private static let stranger = Caller(project: "p1", user: "u1", roles: [])
    private static let admin = Caller(project: "p0", user: "u0", roles: ["admin"])
    /// Longer messages would carry what a client sent into logs and answers.
    private static let maxMessage = 1024

    static func check(_ input: [UInt8]) throws(Violation) {
        guard let body = try? JSONParser.parse(input) else { return }
        try order(body)
        for caller in [stranger, admin] {
            try creation(body, caller)
            for mediaType in [ImagePatch.mediaType, ImagePatch.olderMediaType] {
                try patch(body, mediaType, caller)
            }
        }
    }

    private static func order(_ body: JSON) throws(Violation) {
        let order: ImportOrder
        do { order = try ImportOrder(body, methods: ImportMethod.allCases) } catch { return try short(error.message) }
        try require(order.stores.count <= 64, "too many stores")
        try require((0...9).contains(order.extras.priority), "priority \(order.extras.priority)")
        try require((order.uri != nil) == (order.method == .webDownload), "a uri with the wrong method")
        let request = ImportRequest(
            method: order.method, uri: order.uri, stores: order.stores.compactMap(StoreID.init(rawValue:)),
            allStoresMustSucceed: order.allStoresMustSucceed, checksum: order.extras.checksum,
            publisher: order.extras.publisher)
        let again = try expect("a request cannot be kept") {
            try JSONDecoder().decode(ImportRequest.self, from: JSONEncoder().encode(request))
        }
        try require(again == request, "a request that was kept is another one")
    }

    private static func creation(_ body: JSON, _ caller: Caller) throws(Violation) {
        let made: ImageCreation
        do { made = try ImageCreation(body, by: caller) } catch { return try short(error.message) }
        try kept(made.image)
        try rights(made.image, of: caller)
    }

    private static func patch(_ body: JSON, _ mediaType: String, _ caller: Caller) throws(Violation) {
        let patch: ImagePatch
        do { patch = try ImagePatch(mediaType: mediaType, body: body) } catch { return try short(error.message) }
        for image in SampleRecords.images {
            let changed: ImageRecord
            do { changed = try patch.applied(to: image, by: caller) } catch {
                try short(error.message)
                continue
            }
            try kept(changed)
            if image.owner == caller.project { try rights(changed, of: caller) }
            var back = changed
            back.name = image.name
            back.owner = image.owner
            back.visibility = image.visibility
            (back.diskFormat, back.containerFormat) = (image.diskFormat, image.containerFormat)
            (back.minDisk, back.minRAM) = (image.minDisk, image.minRAM)
            (back.isProtected, back.isHidden) = (image.isProtected, image.isHidden)
            (back.properties, back.tags) = (image.properties, image.tags)
            try require(back == image, "more was changed than a user may set")
            if image.status == .active {
                try require(changed.diskFormat == image.diskFormat, "the format of an active image was changed")
            }
        }
    }

    /// The bounds hold, and Redis gives back what it was given.
    private static func kept(_ image: ImageRecord) throws(Violation) {
        try require(image.properties.count <= ImageAttribute.maxProperties, "too many properties")
        try require(image.tags.count <= ImageAttribute.maxTags, "too many tags")
        for text in Array(image.properties.keys) + Array(image.tags) + [image.name ?? "", image.owner ?? ""] {
            try require(text.unicodeScalars.count <= 255, "a name of \(text.unicodeScalars.count) code points")
        }
        let forbidden = ImageAttribute.readOnly.union(ImageAttribute.reserved).union(ImageAttribute.settable)
        for name in image.properties.keys {
            try require(!forbidden.contains(name) && !name.hasPrefix("os_glance"), "a property named '\(name)'")
        }
        var hash = image.userFields
        hash[ImageField.status] = image.status.rawValue
        let record = try expect("an image cannot be read again") {
            try ImageRecord(id: image.id, hash: hash, lock: nil)
        }
        try require(record?.userFields == image.userFields, "an image that was kept is another one")
        let document = ImageDocument(image).json
        let read = try expect("a document is no JSON") { try JSONParser.parse(document.encoded()) }
        try require(read == document, "a document that was written is another one")
    }

    private static func rights(_ image: ImageRecord, of caller: Caller) throws(Violation) {
        guard !caller.isAdmin else { return }
        try require(image.owner == caller.project, "an image for \(image.owner ?? "nobody")")
        try require(image.visibility != .public, "an image that is public")
    }

    private static func short(_ message: String) throws(Violation) {
        try require(message.utf8.count <= maxMessage, "a message of \(message.utf8.count) bytes")
    }
}

import ArgumentParser
import Foundation
import ImportModel
import LongshoreClient

/// What the image shall be.
struct ImageOptions: ParsableArguments {
    @Option(help: "The image's name. Default: the file's name without its extension.")
    var name: String?

    @Option(
        help: "The format of the disk. Default: found out from the first bytes, else from the extension.",
        completion: .list(["qcow2", "raw", "iso", "vmdk", "vhd", "vhdx", "vdi"]))
    var diskFormat: String?

    @Option(
        help: "The format of the container.",
        completion: .list(["bare", "ovf", "ova", "docker", "compressed", "ami", "ari", "aki"]))
    var containerFormat = "bare"

    @Option(
        name: .customLong("property"),
        help: ArgumentHelp("A property of the image; can be repeated.", valueName: "name=value"),
        transform: Self.property)
    var properties: [(name: String, value: String)] = []

    @Option(name: .customLong("tag"), help: "A tag of the image; can be repeated.")
    var tags: [String] = []

    @Option(help: "Who may see the image.")
    var visibility: Visibility?

    @Flag(help: "Keep the image from being deleted.")
    var protected = false

    @Option(help: ArgumentHelp("The smallest disk that the image needs, in GiB.", valueName: "gib"))
    var minDisk: Int?

    @Option(
        name: .customLong("min-ram"), help: ArgumentHelp("The memory that the image needs, in MiB.", valueName: "mib"))
    var minRAM: Int?

    func validate() throws {
        if let minDisk, minDisk < 0 { throw ValidationError("--min-disk must not be negative.") }
        if let minRAM, minRAM < 0 { throw ValidationError("--min-ram must not be negative.") }
        let names = properties.map(\.name)
        guard Set(names).count == names.count else { throw ValidationError("a property is given twice.") }
    }

    /// The image to create, but for its name and format.
    var draft: ImageDraft {
        var draft = ImageDraft(name: "", diskFormat: "")
        draft.containerFormat = containerFormat
        draft.visibility = visibility
        draft.isProtected = protected
        draft.minDisk = minDisk
        draft.minRAM = minRAM
        draft.tags = tags
        draft.properties = Dictionary(uniqueKeysWithValues: properties)
        return draft
    }

    @Sendable private static func property(_ text: String) throws -> (name: String, value: String) {
        guard let mark = text.firstIndex(of: "="), mark > text.startIndex else {
            throw InvalidValue("a property is written name=value")
        }
        return (String(text[..<mark]), String(text[text.index(after: mark)...]))
    }
}

/// How the bytes shall be imported.
struct OrderOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp("A store for the bytes; can be repeated. Default: the service's.", valueName: "store"))
    var stores: [StoreID] = []

    @Flag(help: "Import to every store.")
    var allStores = false

    @Flag(help: "Be content when one of several stores takes the bytes.")
    var allowPartial = false

    @Option(
        help: ArgumentHelp("The digest that the source must have: md5, sha256 or sha512.", valueName: "algorithm:hex"),
        transform: { try ExpectedDigest(parsing: $0) })
    var checksum: ExpectedDigest?

    @Option(
        name: .customLong("checksum-url"),
        help: ArgumentHelp(
            "The publisher's file of checksums, such as SHA256SUMS; a worker fetches it and compares.",
            valueName: "url"))
    var checksumURL: String?

    @Option(
        name: .customLong("signature-url"),
        help: ArgumentHelp(
            "The detached OpenPGP signature of that file; without, --keyring expects the signature in the file.",
            valueName: "url"))
    var signatureURL: String?

    @Option(
        help: ArgumentHelp("The service's keyring that a signer of that file must be in.", valueName: "name"))
    var keyring: String?

    @Option(help: ArgumentHelp("0 (last) to 9 (first).", valueName: "0-9"))
    var priority: Int?

    func validate() throws {
        if let priority, !(0...9).contains(priority) { throw ValidationError("--priority is a number from 0 to 9.") }
        if checksumURL != nil, checksum != nil {
            throw ValidationError("--checksum and --checksum-url exclude each other.")
        }
        if checksumURL == nil, signatureURL != nil || keyring != nil {
            throw ValidationError("--signature-url and --keyring go with --checksum-url.")
        }
        if signatureURL != nil, keyring == nil {
            throw ValidationError("--signature-url needs --keyring: whose signature shall it be?")
        }
        if allStores, !stores.isEmpty { throw ValidationError("--all-stores and --store exclude each other.") }
    }

    /// The import to ask for, but for its source.
    var order: ImportOrder {
        var order = ImportOrder()
        order.stores = stores
        order.allStores = allStores
        order.allStoresMustSucceed = !allowPartial
        order.checksum = checksum
        order.publisher = checksumURL.map {
            PublisherChecksum(url: $0, signatureURL: signatureURL, keyring: keyring)
        }
        order.priority = priority
        return order
    }
}

/// How long to stay, and what to say.
struct FollowOptions: ParsableArguments {
    @Flag(help: "Show the progress and wait until the imports have ended.")
    var wait = false

    @Option(
        help: ArgumentHelp("With --wait: for at most this long, as 90, 90s, 15m or 2h.", valueName: "time"),
        transform: Self.duration)
    var timeout: Duration?

    @Option(help: ArgumentHelp("Sources that are sent to the service at one time.", valueName: "n"))
    var parallel = 8

    @Flag(help: "Print JSON, one object per source, instead of text for people.")
    var json = false

    func validate() throws {
        if timeout != nil, !wait { throw ValidationError("--timeout goes with --wait.") }
        guard (1...256).contains(parallel) else { throw ValidationError("--parallel is a number from 1 to 256.") }
    }

    @Sendable static func duration(_ text: String) throws -> Duration {
        let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = text.last.flatMap { units[String($0)] }
        guard let number = Int(unit == nil ? Substring(text) : text.dropLast()), (1...1_000_000).contains(number)
        else { throw InvalidValue("a time is written 90, 90s, 15m, 2h or 1d") }
        return .seconds(number * (unit ?? 1))
    }
}

extension Visibility: ExpressibleByArgument {}
extension StoreID: ExpressibleByArgument {}
extension TaskState: ExpressibleByArgument {}
extension TaskID: ExpressibleByArgument {}
extension ImageID: ExpressibleByArgument {}

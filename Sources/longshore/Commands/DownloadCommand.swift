import ArgumentParser
import Foundation
import Glibc
import ImportModel
import LongshoreClient

/// `longshore download`
struct DownloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download",
        abstract: "Download an image's bytes.",
        discussion: """
            The file gets its name only when it is whole, so a download that breaks off leaves nothing behind. \
            Its size is compared with the image's; the image's digests are shown by 'longshore show'.

            EXAMPLES
              longshore download debian-13
              longshore download debian-13 -o - | sha512sum

            \(ClientExit.discussion)
            """)

    @Argument(help: "Id or name of an image.")
    var image: String

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Where to, or '-' for standard output. Default: NAME.FORMAT here.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(help: "Replace a file that is there already.")
    var force = false

    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            let found = try await client.image(idOrName: image)
            let path = output ?? Self.defaultName(found)
            if path == "-", isatty(STDOUT_FILENO) == 1 {
                throw InvalidValue("a disk image does not belong on a terminal; give a file with -o")
            }
            if path != "-", !force, FileManager.default.fileExists(atPath: path) {
                throw InvalidValue("'\(SafeText.line(path))' is there already; --force replaces it, -o names another")
            }
            let writer = path == "-" ? FileWriter.standardOutput : try await FileWriter.begin(path)
            let size: Int64
            do {
                size = try await untilInterrupted { try await client.download(found, to: writer) }
            } catch is Interrupted {
                await console.warn("interrupted; nothing was kept")
                throw ClientExit.interrupted
            }
            if path != "-" { try await console.print(["\(SafeText.line(path)): \(HumanUnits.bytes(size))"]) }
        }
    }

    /// The image's name, without what would lead to another folder or hide the file.
    private static func defaultName(_ image: ImageDocument) -> String {
        let plain = SafeText.line(image.name ?? "").map { $0 == "/" ? "_" : $0 }.drop { $0 == "." }
        let name = plain.isEmpty ? image.id.rawValue : String(plain)
        let format = image.diskFormat ?? "img"
        return name.hasSuffix(".\(format)") ? name : "\(name).\(format)"
    }
}

import ArgumentParser
import ImportModel
import LongshoreClient

/// `longshore images`
struct ImagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images",
        abstract: "List images, newest first.",
        discussion: """
            EXAMPLES
              longshore images --status importing
              longshore images --tag prod --json | jq -r .id

            \(ClientExit.discussion)
            """)

    @Option(help: "Only images of this name.")
    var name: String?

    @Option(
        help: "Only images in this status.",
        completion: .list(["queued", "saving", "uploading", "importing", "active", "deactivated", "killed"]))
    var status: String?

    @Option(name: .customLong("tag"), help: "Only images with this tag; can be repeated.")
    var tags: [String] = []

    @Option(help: "Print at most this many.")
    var limit = 1000

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func validate() throws { if limit < 1 { throw ValidationError("--limit must be at least 1.") } }

    func run() async throws {
        try await service.run { client, console in
            var filters = tags.map { ("tag", $0) }
            if let name { filters.append(("name", name)) }
            if let status { filters.append(("status", status)) }
            let images = try await client.images(filters: filters, limit: limit)
            if output.json {
                try await console.print(try images.map { try JSONLine.text($0) })
            } else {
                try await output.list(images, console, empty: "no images", table: FleetTables.images)
            }
        }
    }
}

/// `longshore show`
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show an image or a task, with what has been tried.",
        discussion: """
            An image is named by its id or its name, a task by its id. With an image its latest task is shown.

            EXAMPLES
              longshore show debian-13
              longshore show 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11 --json

            \(ClientExit.discussion)
            """)

    @Argument(help: "Id or name of an image, or id of a task.")
    var idOrName: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            do {
                try await show(try await client.image(idOrName: idOrName), client, console)
            } catch ServiceError.refused(404, _) where TaskID(rawValue: idOrName) != nil {
                guard let id = TaskID(rawValue: idOrName) else { return }
                try await show(try await task(id, client), console)
            }
        }
    }

    private func show(_ image: ImageDocument, _ client: ServiceClient, _ console: Console) async throws {
        let provenance = try await client.provenance(of: image.id)
        let verdict = try await client.verdict(of: image.id)
        if output.json {
            let shown = try image.with("provenance", provenance).with("verdict", verdict)
            return try await console.print([try JSONLine.text(shown)])
        }
        try await console.print(FleetDetails.image(image, paint: console.paint))
        if let verdict { try await console.print([""] + FleetDetails.verdict(verdict, paint: console.paint)) }
        if let provenance {
            let now = HumanUnits.nowMs()
            try await console.print([""] + FleetDetails.provenance(provenance, nowMs: now, paint: console.paint))
        }
        guard let latest = try await client.tasks(image: image.id, limit: 1).tasks.first else { return }
        try await console.print([""])
        try await show(try await client.task(latest.id), console)
    }

    private func show(_ task: TaskView, _ console: Console) async throws {
        if output.json { return try await console.print([try JSONLine.text(task)]) }
        try await console.print(FleetDetails.task(task, nowMs: HumanUnits.nowMs(), paint: console.paint))
    }

    private func task(_ id: TaskID, _ client: ServiceClient) async throws -> TaskView {
        do {
            return try await client.task(id)
        } catch ServiceError.refused(404, _) {
            throw ServiceError.refused(status: 404, message: "neither an image nor a task has the id \(id)")
        }
    }
}

/// `longshore delete`
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete images, and with them their bytes in all stores.",
        discussion: """
            A running import of the image is cancelled.

            EXAMPLES
              longshore delete debian-12 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11

            \(ClientExit.discussion)
            """)

    @Argument(help: "Ids or names of images.")
    var images: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            var failure: ExitCode?
            for text in images {
                do {
                    let image = try await client.image(idOrName: text)
                    try await client.deleteImage(image.id)
                    let line = output.json ? #"{"id":"\#(image.id)","deleted":true}"# : "deleted \(image.id)"
                    try await console.print([line])
                } catch let error as ServiceError where !error.isUnreachable {
                    // The others can still be deleted.
                    failure = await ClientExit.code(for: error, console)
                }
            }
            if let failure { throw failure }
        }
    }
}

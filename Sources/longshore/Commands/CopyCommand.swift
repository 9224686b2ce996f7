import ArgumentParser
import ImportModel
import LongshoreClient

/// `longshore copy`
struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy active images to more stores.",
        discussion: """
            A worker reads an image from a store that has it; stores in one S3 service copy among themselves. The image \
            can be used all the time, and is in each store as soon as that has all of it.

            Without --wait the command ends when the service has accepted the copies.

            EXAMPLES
              longshore copy debian-13 --store fast --store archive --wait
              longshore copy debian-13 ubuntu-24.04 --all-stores

            \(ClientExit.discussion)
            """)

    @Argument(help: "Ids or names of images.")
    var images: [String]

    @Option(
        name: .customLong("store"),
        help: ArgumentHelp("A store to copy to; can be repeated.", valueName: "store"))
    var stores: [StoreID] = []

    @Flag(help: "Copy to every store that lacks the image.")
    var allStores = false

    @Flag(help: "Be content when one of several stores takes the bytes.")
    var allowPartial = false

    @Option(help: ArgumentHelp("0 (last) to 9 (first).", valueName: "0-9"))
    var priority: Int?

    @Flag(help: "Show the progress and wait until the copies have ended.")
    var wait = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func validate() throws {
        guard allStores != !stores.isEmpty else {
            throw ValidationError("say where to: either with --store or with --all-stores.")
        }
        if let priority, !(0...9).contains(priority) { throw ValidationError("--priority is a number from 0 to 9.") }
    }

    func run() async throws {
        try await service.run { client, console in
            var order = ImportOrder()
            order.stores = stores
            order.allStores = allStores
            order.allStoresMustSucceed = !allowPartial
            order.priority = priority
            var tasks: [TaskID] = []
            var failure: ExitCode?
            for text in images {
                do {
                    let image = try await client.image(idOrName: text).id
                    let task = try await client.startCopy(image, order)
                    if let task { tasks.append(task) }
                    try await console.print([line(image, task)])
                } catch let error as ServiceError where !error.isUnreachable {
                    // The others can still be copied.
                    failure = await ClientExit.code(for: error, console)
                }
            }
            if wait, !tasks.isEmpty, try await !follow(tasks, client, console) { failure = ClientExit.failed }
            if let failure { throw failure }
        }
    }

    private func line(_ image: ImageID, _ task: TaskID?) -> String {
        if output.json { return #"{"image_id":"\#(image)","task_id":\#(task.map { #""\#($0)""# } ?? "null")}"# }
        guard let task else { return "image \(image) is in all stores" }
        return "image \(image) is copied by task \(task)"
    }

    /// Whether all of them have ended well.
    private func follow(_ tasks: [TaskID], _ client: ServiceClient, _ console: Console) async throws -> Bool {
        let board = ProgressBoard()
        let watch = FleetWatch(client: client, board: board, tasks: tasks) { "image \($0.imageId)" }
        let style: ProgressDisplay.Style = output.json ? .silent : console.isTerminal ? .live : .log
        let display = ProgressDisplay(board: board, console: console, style: style)
        try await untilInterrupted { try await show(on: display) { try await watch.run() } }
        try await display.show()
        try await display.clear()
        return !board.rows.contains { $0.stage == .failed }
    }
}

import ArgumentParser
import ImportModel
import LongshoreClient

/// `longshore tasks`
struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "List import tasks, newest first.",
        discussion: """
            EXAMPLES
              longshore tasks --state failure
              longshore tasks --image 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11

            \(ClientExit.discussion)
            """)

    @Option(help: "Only tasks in this state.")
    var state: TaskState?

    @Option(help: ArgumentHelp("Only tasks of this image.", valueName: "id-or-name"))
    var image: String?

    @Option(help: "Print at most this many.")
    var limit = 50

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func validate() throws { if limit < 1 { throw ValidationError("--limit must be at least 1.") } }

    func run() async throws {
        try await service.run { client, console in
            var only: ImageID?
            // An id is taken as it is: a deleted image has tasks as well.
            if let image {
                if let id = ImageID(rawValue: image) {
                    only = id
                } else {
                    only = try await client.image(idOrName: image).id
                }
            }
            let tasks = try await client.allTasks(state: state, image: only, limit: limit)
            try await output.list(tasks, console, empty: "no tasks") {
                FleetTables.tasks($0, nowMs: HumanUnits.nowMs())
            }
        }
    }
}

/// `longshore cancel`
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel imports that wait or run.",
        discussion: """
            EXAMPLES
              longshore cancel 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11

            \(ClientExit.discussion)
            """)

    @Argument(help: "Ids of tasks.")
    var tasks: [TaskID]

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            try await forEach(tasks, console) { id in
                let view = try await client.cancel(id)
                let said = view.state.isTerminal ? "cancelled" : "is being cancelled"
                try await console.print([output.json ? try JSONLine.text(view) : "task \(view.id) \(said)"])
            }
        }
    }
}

/// `longshore retry`
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Run failed imports again, as new tasks.",
        discussion: """
            EXAMPLES
              longshore retry 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11
              longshore tasks --state failure --json | jq -r .id | xargs longshore retry

            \(ClientExit.discussion)
            """)

    @Argument(help: "Ids of failed tasks.")
    var tasks: [TaskID]

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            try await forEach(tasks, console) { id in
                let view = try await client.retry(id)
                let line = "task \(id) runs again as task \(view.id); 'longshore watch \(view.id)' follows it"
                try await console.print([output.json ? try JSONLine.text(view) : line])
            }
        }
    }
}

/// Does `body` for every task; a refusal is told and does not keep it from the others.
private func forEach(
    _ tasks: [TaskID], _ console: Console, _ body: (TaskID) async throws -> Void
) async throws {
    var failure: ExitCode?
    for id in tasks {
        do {
            try await body(id)
        } catch let error as ServiceError where !error.isUnreachable {
            failure = await ClientExit.code(for: error, console)
        }
    }
    if let failure { throw failure }
}

import ArgumentParser
import ImportModel
import LongshoreClient

/// `longshore watch`
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow imports as they run.",
        discussion: """
            Without tasks, everything that waits or runs is shown until the command is interrupted. With tasks, it \
            ends when they have ended, with exit code 1 if one of them failed. Where standard output is no terminal, \
            changes are printed as lines.

            EXAMPLES
              longshore watch
              longshore watch 1f0c5c5e-6f1c-4c0e-9f57-0f6f3d0f9a11

            \(ClientExit.discussion)
            """)

    @Argument(help: "Ids of tasks. Default: all that wait or run.")
    var tasks: [TaskID] = []

    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            let board = ProgressBoard()
            let hasRoom = console.size.width >= 120 || !console.isTerminal
            let watch = FleetWatch(client: client, board: board, tasks: tasks) { Self.label($0, hasRoom: hasRoom) }
            let display = ProgressDisplay(
                board: board, console: console, style: console.isTerminal ? .live : .log,
                idle: "nothing waits or runs", forgetsEnded: tasks.isEmpty)
            try await untilInterrupted { try await show(on: display) { try await watch.run() } }
            try await display.show()
            try await display.clear()
            if board.rows.contains(where: { $0.stage == .failed }) { throw ClientExit.failed }
        }
    }

    /// The task's id, short where columns are dear, and what is imported.
    @Sendable private static func label(_ task: TaskView, hasRoom: Bool) -> String {
        let id = hasRoom ? task.id.rawValue : String(task.id.rawValue.prefix(8))
        let source = task.source?.split(separator: "/").last.map(String.init)
        return "\(id) \(source ?? "image \(task.imageId.rawValue.prefix(8))")"
    }
}

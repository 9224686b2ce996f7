import ArgumentParser
import ImportModel
import LongshoreClient

/// `longshore locks`
struct LocksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks",
        abstract: "List locked images: who holds them, and when they could be taken.",
        discussion: """
            EXAMPLES
              longshore locks
              longshore locks --json | jq 'select(.is_suspect)'

            \(ClientExit.discussion)
            """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            try await output.list(
                try await client.locks(), console, empty: "no image is locked", table: FleetTables.locks)
        }
    }
}

/// `longshore workers`
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "List the processes of the fleet.",
        discussion: """
            EXAMPLES
              longshore workers
              longshore workers --json | jq -r '.running[]'

            \(ClientExit.discussion)
            """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            try await output.list(try await client.workers(), console, empty: "no process has reported") {
                FleetTables.workers($0, nowMs: HumanUnits.nowMs())
            }
        }
    }
}

/// `longshore stores`
struct StoresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stores",
        abstract: "List the stores that images can be imported to.",
        discussion: """
            EXAMPLES
              longshore stores

            \(ClientExit.discussion)
            """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var service: ClientOptions

    func run() async throws {
        try await service.run { client, console in
            try await output.list(
                try await client.stores(), console, empty: "no store is configured", table: FleetTables.stores)
        }
    }
}

/// `longshore queue`
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "See, pause and resume the queue of imports.",
        discussion: """
            While the queue is paused, imports are accepted and wait; those that run go on.

            EXAMPLES
              longshore queue stats
              longshore queue pause

            \(ClientExit.discussion)
            """,
        subcommands: [Stats.self, Pause.self, Resume.self], defaultSubcommand: Stats.self)

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print how much waits and runs.",
            discussion: "EXAMPLES\n  longshore queue stats --json | jq .pending")
        @OptionGroup var output: OutputOptions
        @OptionGroup var service: ClientOptions

        func run() async throws {
            try await service.run { client, console in try await output.print(try await client.queue(), console) }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep workers from beginning imports.", discussion: "EXAMPLES\n  longshore queue pause")
        @OptionGroup var output: OutputOptions
        @OptionGroup var service: ClientOptions

        func run() async throws {
            try await service.run { client, console in
                try await output.print(try await client.setQueuePaused(true), console)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let workers begin imports again.", discussion: "EXAMPLES\n  longshore queue resume")
        @OptionGroup var output: OutputOptions
        @OptionGroup var service: ClientOptions

        func run() async throws {
            try await service.run { client, console in
                try await output.print(try await client.setQueuePaused(false), console)
            }
        }
    }
}

extension OutputOptions {
    fileprivate func print(_ stats: QueueStats, _ console: Console) async throws {
        if json { return try await console.print([try JSONLine.text(stats)]) }
        try await console.print(FleetDetails.queue(stats, paint: console.paint))
    }
}

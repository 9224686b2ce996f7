import ArgumentParser

@main
struct Longshore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longshore",
        abstract: "Imports disk images into object stores with a fleet of workers.",
        discussion: """
            Try it:
              longshore standalone &
              longshore import https://example.org/debian-12.qcow2 --wait

            Shell completion: longshore --generate-completion-script bash > /etc/bash_completion.d/longshore
            """,
        version: Version.current,
        groupedSubcommands: [
            CommandGroup(
                name: "Services",
                subcommands: [
                    StandaloneCommand.self, APICommand.self, WorkerCommand.self, DoctorCommand.self, PolicyCommand.self,
                ]),
            CommandGroup(
                name: "Images",
                subcommands: [
                    ImportCommand.self, CopyCommand.self, ImagesCommand.self, ShowCommand.self, DownloadCommand.self,
                    DeleteCommand.self,
                ]),
            CommandGroup(
                name: "Tasks",
                subcommands: [TasksCommand.self, WatchCommand.self, CancelCommand.self, RetryCommand.self]),
            CommandGroup(
                name: "Fleet",
                subcommands: [LocksCommand.self, WorkersCommand.self, QueueCommand.self, StoresCommand.self]),
        ])

    static func main() async { await runAndExit() }
}

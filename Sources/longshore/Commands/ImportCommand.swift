import ArgumentParser
import Foundation
import ImportModel
import LongshoreClient
import NIOPosix

/// `longshore import`: the producer.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import disk images from URLs or files.",
        discussion: """
            A source is an http or https URL, which a worker fetches, or a file of this machine, which is uploaded. \
            With '-' the sources are read from standard input: one per line, with the image's name after it if it \
            shall have another than the file's (after a tab where the source has blanks in it); empty lines and \
            lines that begin with '#' are left out.

            Without --wait the command ends when the service has accepted the imports. With --json it prints one \
            object per source and line, when all is done: source, name, image_id, task_id, state, result, message.

            EXAMPLES
              longshore import https://example.org/debian-13.qcow2 --wait
              longshore import disk.raw --name web-1 --store fast --tag prod
              longshore import https://example.org/a.iso --checksum sha256:9f86d081884c…
              longshore import https://example.org/b.qcow2 --checksum-url https://example.org/SHA256SUMS
              longshore import - --wait --timeout 1h < list.txt

            EXIT CODES
              0    all imports are done (without --wait: accepted)
              1    an import failed or could not be begun
              2    wrong usage
              3    the service does not answer
              4    the time of --timeout is over; the imports go on
              130  interrupted; accepted imports go on ('longshore watch' shows them)
            """)

    @Argument(help: "URLs, files, or '-' for a list on standard input.", completion: .file())
    var sources: [String]

    @OptionGroup var image: ImageOptions
    @OptionGroup var order: OrderOptions
    @OptionGroup var following: FollowOptions
    @OptionGroup var service: ClientOptions

    func validate() throws {
        if image.name != nil, sources.count != 1 || sources == ["-"] {
            throw ValidationError("--name goes with a single source; in a list, names are given beside the sources.")
        }
        if sources.filter({ $0 == "-" }).count > 1 { throw ValidationError("'-' can be given once only.") }
    }

    func run() async throws {
        try await service.run { client, console in
            let jobs = try await jobs()
            let board = ProgressBoard()
            let run = ImportRun(
                client: client, jobs: jobs, board: board, parallel: following.parallel, waits: following.wait,
                timeout: following.timeout)
            let display = ProgressDisplay(
                board: board, console: console,
                style: following.json ? .silent : console.isTerminal ? .live : .log)
            let end: ImportRun.End
            do {
                end = try await untilInterrupted { try await show(on: display) { try await run.run() } }
            } catch is Interrupted {
                await console.warn(farewell(board.rows, "interrupted"))
                throw ClientExit.interrupted
            }
            try await report(jobs, board, display, console)
            if end == .timedOut { await console.warn(farewell(board.rows, "timed out")) }
            if let code = exitCode(board.rows, end) { throw code }
        }
    }

    private func jobs() async throws -> [ImportJob] {
        var named: [NamedSource] = []
        for source in sources {
            if source == "-" {
                let input = try await NIOThreadPool.singleton.runIfActive {
                    try FileHandle.standardInput.readToEnd() ?? Data()
                }
                named += try NamedSource.list(String(decoding: input, as: UTF8.self))
            } else {
                named.append(NamedSource(try ImportSource(parsing: source), name: image.name))
            }
        }
        guard !named.isEmpty else { throw InvalidValue("the list of sources is empty; nothing to import") }
        if order.checksumURL != nil,
            let file = named.first(where: { if case .file = $0.source { true } else { false } })
        {
            throw InvalidValue("\(file.source): --checksum-url goes with URLs only; give --checksum for a file")
        }
        let (draft, order) = (image.draft, order.order)
        return named.map { ImportJob($0, diskFormat: image.diskFormat, draft: draft, order: order) }
    }

    /// What stays on the screen or goes to the program that reads it.
    private func report(
        _ jobs: [ImportJob], _ board: ProgressBoard, _ display: ProgressDisplay, _ console: Console
    ) async throws {
        try await display.show()
        try await display.clear()
        let rows = board.rows
        if following.json {
            try await console.print(try zip(jobs, rows).map { try JSONLine.text(ImportReport($0, $1)) })
        } else if console.isTerminal, !following.wait {
            try await console.print(rows.filter { $0.stage == .handedOver }.map(ProgressLine.plain))
        }
        if rows.count > 1, !following.json { await console.note(ProgressSummary(rows).line) }
    }

    private func exitCode(_ rows: [TransferRow], _ end: ImportRun.End) -> ExitCode? {
        let failed = rows.filter { $0.stage == .failed }
        if failed.contains(where: { !$0.isUnreachable }) { return ClientExit.failed }
        if !failed.isEmpty { return ClientExit.unreachable }
        return end == .timedOut ? ClientExit.timedOut : nil
    }

    private func farewell(_ rows: [TransferRow], _ why: String) -> String {
        let going = rows.filter { $0.task != nil && !$0.isEnded }.compactMap(\.task)
        guard let first = going.first else { return "\(why); no import of this command is under way" }
        return going.count == 1
            ? "\(why); the import goes on: 'longshore watch \(first)' follows it"
            : "\(why); \(going.count) imports go on: 'longshore watch' follows them"
    }
}

/// Runs `body` while `display` shows what changes.
func show<Result: Sendable>(
    on display: ProgressDisplay, while body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await display.run()
            return nil
        }
        defer { group.cancelAll() }
        // The display ends only by an error or with the group.
        while let next = try await group.next() {
            if let result = next { return result }
        }
        throw CancellationError()
    }
}

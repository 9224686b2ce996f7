/// Shows a board to the user, in the way that fits the output.
package actor ProgressDisplay {
    package enum Style: Sendable {
        /// Redrawn in place, on a terminal.
        case live
        /// Lines of changes; failures go to standard error.
        case log
        /// Notices and failures only, on standard error: standard output belongs to a program.
        case silent
    }

    private let board: ProgressBoard
    private let console: Console
    private let style: Style
    private let idle: String?
    private let forgetsEnded: Bool
    private var screen: Screen
    private var log = ProgressLog()

    /// - Parameters:
    ///   - idle: shown while there is no row.
    ///   - forgetsEnded: rows leave the board once their end has been shown.
    package init(board: ProgressBoard, console: Console, style: Style, idle: String? = nil, forgetsEnded: Bool = false)
    {
        self.board = board
        self.console = console
        self.style = style
        self.idle = idle
        self.forgetsEnded = forgetsEnded
        screen = Screen(paint: console.paint)
    }

    /// Shows changes until the task is cancelled.
    package func run() async throws {
        while !Task.isCancelled {
            try await show()
            // Cancellation ends the loop; what there is to see then is shown by `show` once more.
            try? await Task.sleep(for: .milliseconds(style == .live ? 200 : 250))
        }
    }

    /// Shows the board as it is now.
    package func show() async throws {
        let rows = board.rows
        let notices = board.takeNotices()
        switch style {
        case .live:
            let size = console.size
            try await console.write(
                screen.draw(rows, notices: notices, width: size.width, height: size.height, idle: idle))
        case .log, .silent:
            for notice in notices { await console.warn(notice) }
            for line in log.lines(rows) {
                if line.isFailure {
                    await console.warn(line.text)
                } else if style == .log {
                    try await console.print([line.text])
                }
            }
        }
        if forgetsEnded { board.remove(Set(rows.filter(\.isEnded).map(\.id))) }
    }

    /// Takes the moving part off the screen, for what is written next.
    package func clear() async throws {
        if style == .live { try await console.write(screen.erase()) }
    }
}

import ImportModel
import LongshoreClient
import Testing

@Suite("Progress")
struct ProgressTests {
    private let start = ContinuousClock.now

    private func row(_ view: TaskView, label: String = "disk", id: Int = 0) -> TransferRow {
        var row = TransferRow(id: id, label: label)
        row.apply(view, at: start)
        return row
    }

    @Test("The bar fills with its fraction and never overflows")
    func bar() {
        #expect(ProgressLine.bar(0, width: 4) == "[----]")
        #expect(ProgressLine.bar(0.5, width: 4) == "[##--]")
        #expect(ProgressLine.bar(0.99, width: 4) == "[###-]")
        #expect(ProgressLine.bar(7, width: 4) == "[####]")
        #expect(ProgressLine.bar(-1, width: 4) == "[----]")
    }

    @Test("Whatever numbers a service tells can be shown")
    func anyNumbers() {
        var view = sampleTask(.processing, of: .max)
        var row = row(view)
        view.bytesDone = .max
        row.apply(view, at: start + .milliseconds(1))
        #expect(ProgressLine.live(row, nameWidth: 10, width: 200, paint: .none).contains("4.0 EiB/s"))
    }

    @Test("The speed is smoothed, and a new attempt begins anew")
    func rate() {
        var rate = TransferRate()
        rate.note(bytes: 0, at: start)
        #expect(rate.bytesPerSecond == nil)
        rate.note(bytes: 1000, at: start + .seconds(1))
        #expect(rate.bytesPerSecond == 1000)
        #expect(rate.secondsLeft(of: 3000, done: 1000) == 2)
        // Nothing new for a moment changes nothing; much later it means that nothing moves.
        rate.note(bytes: 1000, at: start + .seconds(2))
        #expect(rate.bytesPerSecond == 1000)
        rate.note(bytes: 5000, at: start + .seconds(3))
        let speed = rate.bytesPerSecond ?? 0
        #expect(speed > 1000 && speed < 2000)
        rate.note(bytes: 5000, at: start + .seconds(30))
        #expect(rate.bytesPerSecond == nil)
        rate.note(bytes: 10, at: start + .seconds(31))
        #expect(rate.bytesPerSecond == nil && rate.secondsLeft(of: 100, done: 10) == nil)
    }

    @Test("A line shows bar, percentage, bytes, speed, time left, phase and attempt")
    func line() {
        var row = row(sampleTask(.processing, phase: .streaming, attempt: 2, bytes: 0, of: 8 << 20))
        row.apply(
            sampleTask(.processing, phase: .streaming, attempt: 2, bytes: 2 << 20, of: 8 << 20),
            at: start + .seconds(1))
        let line = ProgressLine.live(row, nameWidth: 4, width: 120, paint: .none)
        #expect(
            line == "disk  [#######-----------------------]   25%  streaming (attempt 2)  2.0 MiB of 8.0 MiB  "
                + "2.0 MiB/s  ETA 3s")
    }

    @Test("A line never exceeds the width and gives up the least important first", arguments: 1...130)
    func narrow(width: Int) {
        var row = row(
            sampleTask(.processing, phase: .streaming, bytes: 1 << 30, of: 4 << 30),
            label: "a long name 日本語 of an image")
        row.apply(sampleTask(.processing, phase: .streaming, bytes: 2 << 30, of: 4 << 30), at: start + .seconds(9))
        let line = ProgressLine.live(row, nameWidth: 30, width: width, paint: .none)
        #expect(SafeText.width(line) <= width)
        if width >= 30 { #expect(line.contains("50%")) }
    }

    @Test("Absurd numbers of the service are shown somehow, not obeyed")
    func absurd() {
        for (bytes, total) in [(Int64.max, Int64(1)), (.min, .max), (5, -1), (0, 0)] {
            let row = row(sampleTask(.processing, phase: .streaming, bytes: bytes, of: total))
            #expect(SafeText.width(ProgressLine.live(row, nameWidth: 4, width: 60, paint: .none)) <= 60)
            _ = FleetTables.tasks([sampleTask(.processing, bytes: bytes, of: total)], nowMs: .max).lines(.none)
        }
    }

    @Test("What ends stays on the screen, the rest is redrawn within its height, with a summary")
    func screen() {
        var screen = Screen(paint: .none)
        var rows = (0..<30).map { row(sampleTask(.processing, phase: .streaming), label: "image \($0)", id: $0) }
        let first = screen.draw(rows, notices: [], width: 80, height: 10)
        #expect(first.split(separator: "\n").count == 9)
        #expect(first.contains("30 running (22 not shown)"))

        rows[3].apply(sampleTask(.failure, result: .rejected, message: "wrong digest"), at: start)
        let second = screen.draw(rows, notices: ["the service is away"], width: 80, height: 10)
        #expect(second.hasPrefix("\u{1B}[9A\r\u{1B}[Jthe service is away\nfailed  image 3: wrong digest"))
        #expect(second.contains("29 running, 1 failed"))

        let third = screen.draw(rows, notices: [], width: 80, height: 10)
        #expect(!third.contains("image 3:"))
        #expect(screen.erase() == "\u{1B}[9A\r\u{1B}[J")
        #expect(screen.erase() == "")
    }

    @Test("A log has a line for each change and each tenth, and none in between")
    func log() {
        var log = ProgressLog()
        let image = ImageID.random()
        func lines(_ view: TaskView) -> [String] { log.lines([row(view)]).map(\.text) }
        #expect(log.lines([TransferRow(id: 0, label: "disk")]).isEmpty)
        #expect(lines(sampleTask(.pending, attempt: 0)) == ["disk: queued"])
        #expect(lines(sampleTask(.processing, phase: .streaming, bytes: 0, of: 100)).count == 1)
        #expect(lines(sampleTask(.processing, phase: .streaming, bytes: 9, of: 100)).isEmpty)
        #expect(
            lines(sampleTask(.processing, phase: .streaming, bytes: 10, of: 100)) == [
                "disk: streaming, 10%, 10 B of 100 B"
            ])
        #expect(
            lines(sampleTask(image: image, .success, bytes: 100, of: 100)) == ["done    disk: 100 B (image \(image))"])
        #expect(lines(sampleTask(image: image, .success, bytes: 100, of: 100)).isEmpty)
    }

    @Test("A failure in the log names the reason, the image and the task")
    func failureInLog() {
        var log = ProgressLog()
        let view = sampleTask(.failure, result: .rejected, message: "404 from\u{1B}[2J the source")
        let lines = log.lines([row(view)])
        #expect(lines.map(\.isFailure) == [true])
        #expect(
            lines.first?.text == "'disk' failed: 404 from the source (image \(view.imageId), task \(view.id))")
    }
}

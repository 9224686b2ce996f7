import Foundation
import ImportModel
@testable import LongshoreClient

/// Documents that a server sends to the command line: what is shown of them cannot steer a terminal.
enum DocumentTarget {
    private static let now: Int64 = 1_700_000_000_000

    static func check(_ input: [UInt8]) throws(Violation) {
        let data = Data(input)
        if let image = try? JSONDecoder().decode(LongshoreClient.ImageDocument.self, from: data) {
            try shown(FleetDetails.image(image, paint: .none))
            try shown(FleetTables.images([image]).lines(.none))
        }
        if let task = try? FleetJSON.decode(TaskView.self, from: data) { try self.task(task) }
        if let page = try? FleetJSON.decode(TaskPage.self, from: data) {
            try shown(FleetTables.tasks(page.tasks, nowMs: now).lines(.none))
        }
        if let lock = try? FleetJSON.decode(LockView.self, from: data) {
            try shown(FleetTables.locks([lock]).lines(.none))
        }
        if let process = try? FleetJSON.decode(ProcessView.self, from: data) {
            try shown(FleetTables.workers([process], nowMs: now).lines(.none))
        }
        if let queue = try? FleetJSON.decode(QueueStats.self, from: data) {
            try shown(FleetDetails.queue(queue, paint: .none))
        }
        if let store = try? FleetJSON.decode(StoreView.self, from: data) {
            try shown(FleetTables.stores([store]).lines(.none))
        }
        _ = try? FleetJSON.decode(FleetError.self, from: data)
    }

    private static func task(_ task: TaskView) throws(Violation) {
        try shown(FleetDetails.task(task, nowMs: now, paint: .none))
        try shown(FleetTables.tasks([task], nowMs: now).lines(.none))
        let start = ContinuousClock.now
        var row = TransferRow(id: 1, label: task.owner)
        row.apply(task, at: start)
        var later = task
        later.bytesDone = .max
        row.apply(later, at: start + .seconds(1))
        for row in [row] {
            let line = ProgressLine.live(row, nameWidth: 20, width: 80, paint: .none)
            try shown([line, ProgressLine.plain(row)])
            try require(row.isEnded || SafeText.width(line) <= 80, "a line of \(SafeText.width(line)) columns")
        }
    }

    private static func shown(_ lines: [String]) throws(Violation) {
        for line in lines {
            try require(TextTarget.isVisible(line), "a line that steers the terminal: \(line.debugDescription)")
        }
    }
}

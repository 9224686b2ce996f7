import HTTPTypes
import ImportModel
import LeaseStore

/// Pages of tasks that match, newest first.
struct TaskPager: Sendable {
    struct Page {
        var tasks: [TaskRecord]
        /// Where the next page begins; `nil` on the last.
        var next: TaskID?
    }

    let store: LeaseStore
    /// A request looks at so many tasks at most; behind them it hands out a marker, even with a page that is not full.
    private static let maxLooked = 20_000
    private static let step = 500

    func page(
        after marker: TaskID?, limit: Int, liveOnly: Bool = false, where matches: (TaskRecord) -> Bool
    ) async throws -> Page {
        var page = Page(tasks: [], next: nil)
        guard limit > 0 else { return page }
        var last = marker
        for _ in 0..<(Self.maxLooked / Self.step) {
            let batch = try await store.tasks(after: last, count: Self.step, liveOnly: liveOnly)
            guard !batch.isEmpty else { return page }
            for task in batch {
                if page.tasks.count == limit {
                    page.next = last
                    return page
                }
                last = task.id
                if matches(task) { page.tasks.append(task) }
            }
        }
        page.next = last
        return page
    }

    /// - Throws: `APIError` when there is no such task any more.
    func marker(_ text: String?) async throws -> TaskID? {
        guard let text else { return nil }
        guard let id = TaskID(rawValue: text), try await store.task(id) != nil else {
            throw APIError(.badRequest, "Invalid marker: there is no task '\(text.prefix(64))'.")
        }
        return id
    }
}

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

    /// A page in another order, out of the newest 20,000 tasks; no more than two pages are held at a time.
    func page(
        sortedBy order: TaskOrder, after marker: String?, limit: Int, where matches: (TaskRecord) -> Bool
    ) async throws -> Page {
        let markerID = try await self.marker(marker)
        let start = if let markerID { try await store.task(markerID) } else { nil as TaskRecord? }
        var found: [TaskRecord] = []
        func trim() {
            found.sort(by: order.precedes)
            found.removeSubrange(min(limit + 1, found.count)...)
        }
        var last: TaskID?
        for _ in 0..<(Self.maxLooked / Self.step) {
            let batch = try await store.tasks(after: last, count: Self.step)
            guard let end = batch.last else { break }
            last = end.id
            found += batch.filter { task in matches(task) && (start.map { order.precedes($0, task) } ?? true) }
            trim()
        }
        let hasMore = found.count > limit
        return Page(tasks: Array(found.prefix(limit)), next: hasMore && limit > 0 ? found[limit - 1].id : nil)
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

import ImportModel

/// An image as clients may think of it: the sequential specification that a history is compared with.
///
/// Which worker runs a task, and how often it was tried, is not to be seen here: between its creation and its end a
/// task is *live*. What the fleet does by itself, and at any moment that it likes, are the `silentSteps`.
struct HistoryState: Hashable, Sendable {
    enum Status: Hashable, Sendable { case none, queued, importing, active, deleted }

    enum Task: Hashable, Sendable {
        case unborn, live
        case ended(TaskResult)
    }

    private(set) var status = Status.none
    /// The index of the task that holds the image's lock.
    private(set) var holder: Int?
    private(set) var tasks: [Task]
    private(set) var size: Int64?
    /// Where the image is. `nil`: it is active, and nobody knows what was asked for.
    private(set) var stores: Set<String>? = []
    /// Where the running copy puts it.
    private(set) var targets: Set<String> = []
    /// The operations that created and deleted the image.
    private(set) var creator: Int?
    private(set) var remover: Int?

    init(tasks: Int) { self.tasks = Array(repeating: .unborn, count: tasks) }

    /// What a task was asked to do.
    enum Order: Hashable, Sendable {
        case `import`(size: Int64, stores: Set<String>)
        case copy(HistoryOperation.CopyOrder)
    }

    /// A step of the specification.
    enum Step: Hashable, Sendable {
        case create
        case `import`(task: Int)
        case copy(task: Int)
        case cancel(task: Int)
        case delete
        /// These change nothing; they hold or do not hold.
        case createRefused, importRefused, importWithoutImage, cancelTooLate(task: Int)
        case copyRefused(HistoryOperation.CopyOrder)
        /// All stores have the image.
        case copySpared(HistoryOperation.CopyOrder)
        case noImage
        case shown(HistoryOperation.Shown)
        case seen(task: Int, TaskState, TaskResult?)
        case noTask(task: Int)
        case nothing
    }

    /// What a step makes of this state; `nil`: it cannot have happened here.
    ///
    /// - Parameters:
    ///   - operation: the index of the operation, for `overlaps`.
    ///   - fates: how each task ended in truth; `nil` where that is not known.
    ///   - orders: what each task was asked to do; `nil` where that is not known.
    ///   - overlaps: whether two operations were going on at once.
    func after(
        _ step: Step, operation: Int, fates: [TaskResult?], orders: [Order?], overlaps: (Int, Int) -> Bool
    ) -> HistoryState? {
        switch step {
        case .create: return created(by: operation, overlaps)
        case .import(let task): return importing(task, fates)
        case .copy(let task):
            guard case .copy(let order)? = orders[task] else { return nil }
            return copying(task, order, fates)
        case .cancel(let task):
            if tasks[task] == .ended(.cancelled) { return self }
            guard tasks[task] == .live else { return nil }
            return ended(task, .cancelled)
        case .delete: return deleted(by: operation, overlaps)
        case .createRefused: return status == .none ? nil : self
        case .importRefused: return status == .importing || status == .active ? self : nil
        case .copyRefused(let order):
            let isFilled = !order.sparesFilled && !order.stores.isDisjoint(with: stores ?? order.stores)
            return status != .active || holder != nil || isFilled ? self : nil
        case .copySpared(let order):
            return status == .active && order.sparesFilled && order.stores.isSubset(of: stores ?? order.stores)
                ? self : nil
        case .importWithoutImage, .noImage: return status == .none || status == .deleted ? self : nil
        case .cancelTooLate(let task):
            guard case .ended(let result) = tasks[task], result != .cancelled else { return nil }
            return self
        case .shown(let shown): return shows(shown) ? self : nil
        case .seen(let task, let state, let result): return shows(task, state, result) ? self : nil
        case .noTask(let task): return tasks[task] == .unborn ? self : nil
        case .nothing: return self
        }
    }

    /// What the fleet may do next by itself: publish the running import, fill a store of the running copy, or end either.
    func silentSteps(orders: [Order?], fates: [TaskResult?]) -> [HistoryState] {
        guard let holder else { return [] }
        if case .copy(let order)? = orders[holder] { return fillings + endings(ofCopy: holder, order, fates[holder]) }
        let ways: [TaskResult] = fates[holder].map { [$0] } ?? [.success, .rejected, .attemptsSpent, .deadline]
        return ways.compactMap { way in
            switch way {
            case .success:
                var next = self
                next.tasks[holder] = .ended(.success)
                next.holder = nil
                next.status = .active
                next.stores = nil
                if case .import(let size, let stores)? = orders[holder] { (next.size, next.stores) = (size, stores) }
                return next
            case .rejected, .attemptsSpent, .deadline, .interrupted: return ended(holder, way)
            case .cancelled, .imageDeleted, .stolen: return nil  // somebody has to ask for these
            }
        }
    }

    /// One more store has the running copy.
    private var fillings: [HistoryState] {
        targets.subtracting(stores ?? []).map { store in
            var next = self
            next.stores?.insert(store)
            return next
        }
    }

    private func endings(
        ofCopy task: Int, _ order: HistoryOperation.CopyOrder, _ fate: TaskResult?
    ) -> [HistoryState] {
        let filled = targets.intersection(stores ?? targets)
        let isDone = order.mustAll ? filled == targets : !filled.isEmpty
        let ways: [TaskResult] = fate.map { [$0] } ?? [.success, .rejected, .attemptsSpent, .deadline]
        return ways.compactMap { way in
            switch way {
            case .success: isDone ? ended(task, .success) : nil
            case .rejected, .attemptsSpent, .deadline, .interrupted: ended(task, way)
            case .cancelled, .imageDeleted, .stolen: nil  // somebody has to ask for these
            }
        }
    }

    private func created(by operation: Int, _ overlaps: (Int, Int) -> Bool) -> HistoryState? {
        // A create that the service itself had to repeat finds the image that it has made, whatever became of it.
        if status != .none, status != .deleted, let creator { return overlaps(operation, creator) ? self : nil }
        guard status == .none else { return nil }
        var next = self
        next.status = .queued
        next.creator = operation
        return next
    }

    private func importing(_ task: Int, _ fates: [TaskResult?]) -> HistoryState? {
        var next = self
        if let holder, fates[holder] == .stolen, let freed = ended(holder, .stolen) { next = freed }
        guard next.status == .queued, next.tasks[task] == .unborn else { return nil }
        next.status = .importing
        next.holder = task
        next.tasks[task] = .live
        return next
    }

    private func copying(
        _ task: Int, _ order: HistoryOperation.CopyOrder, _ fates: [TaskResult?]
    ) -> HistoryState? {
        var next = self
        if let holder, fates[holder] == .stolen, let freed = ended(holder, .stolen) { next = freed }
        guard next.status == .active, next.holder == nil, next.tasks[task] == .unborn else { return nil }
        let targets = order.sparesFilled ? order.stores.subtracting(next.stores ?? []) : order.stores
        guard !targets.isEmpty, targets.isDisjoint(with: next.stores ?? []) else { return nil }
        next.holder = task
        next.targets = targets
        next.tasks[task] = .live
        return next
    }

    /// The end of a task that does not make the image active. What a copy was asked of is active, and stays so.
    private func ended(_ task: Int, _ result: TaskResult) -> HistoryState? {
        var next = self
        next.tasks[task] = .ended(result)
        next.holder = nil
        next.targets = []
        if status == .importing { next.status = .queued }
        return next
    }

    private func deleted(by operation: Int, _ overlaps: (Int, Int) -> Bool) -> HistoryState? {
        // So does a delete that the service had to repeat: it says done when somebody else was faster.
        if status == .deleted, let remover { return overlaps(operation, remover) ? self : nil }
        guard status != .none, status != .deleted else { return nil }
        var next = self
        if let holder { next.tasks[holder] = .ended(.imageDeleted) }
        next.holder = nil
        next.status = .deleted
        next.size = nil
        (next.stores, next.targets) = ([], [])
        next.remover = operation
        return next
    }

    private func shows(_ shown: HistoryOperation.Shown) -> Bool {
        switch shown.status {
        case .queued: status == .queued && shown.digest == nil && shown.stores.isEmpty
        case .importing: status == .importing && shown.digest == nil && shown.stores.isEmpty
        case .active:
            status == .active && shown.digest != nil && (size == nil || shown.size == size)
                && (stores == nil || shown.stores == stores)
        default: false
        }
    }

    private func shows(_ task: Int, _ state: TaskState, _ result: TaskResult?) -> Bool {
        switch state {
        case .pending, .processing: tasks[task] == .live
        case .success: tasks[task] == .ended(.success)
        case .failure: result.map { tasks[task] == .ended($0) } ?? false
        }
    }
}

import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore
import WebSource

/// Tasks of the fleet API: every kind, with progress and history; cancel and retry.
struct FleetTasksController: Sendable {
    let store: LeaseStore
    let shelf: StoreShelf
    let methods: [ImportMethod]
    let injection: MetadataInjection
    let patience: Duration

    func add(to routes: inout RouteTable) {
        let path = "/longshore/v1/tasks"
        routes.get(path, list)
        routes.get(path + "/:id") { _, context in
            let task = try await task(context)
            return try .fleet(view(task, history: try await store.history(task.id)))
        }
        routes.on(.post, path + "/:id/cancel", cancel)
        routes.on(.post, path + "/:id/retry", retry)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let query = try FleetTaskQuery(try request.query)
        func matches(_ task: TaskRecord) -> Bool {
            context.caller.may(.fleetGetTasks, task) && (query.state == nil || task.state == query.state)
        }
        if let image = query.image {
            // An image has few tasks; they are one page.
            let tasks = try await store.tasks(of: image).reversed().filter(matches)
            var rest = 0
            if let marker = query.marker {
                guard let index = tasks.firstIndex(where: { $0.id.rawValue == marker }) else {
                    throw APIError(
                        .badRequest, "Invalid marker: image \(image) has no such task '\(marker.prefix(64))'.")
                }
                rest = index + 1
            }
            let page = tasks[rest...].prefix(query.limit)
            let next = rest + page.count < tasks.count ? page.last?.id : nil
            return try .fleet(TaskPage(tasks: page.map { view($0) }, nextMarker: next))
        }
        let pager = TaskPager(store: store)
        let page = try await pager.page(
            after: try await pager.marker(query.marker), limit: query.limit,
            liveOnly: query.state.map { !$0.isTerminal } ?? false, where: matches)
        return try .fleet(TaskPage(tasks: page.tasks.map { view($0) }, nextMarker: page.next))
    }

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let task = try await task(context)
        guard context.caller.may(.fleetCancelTask, task) else {
            throw context.caller.refusal(.fleetCancelTask, to: "cancel task \(task.id)")
        }
        let reply = try await LeaseStore.insist(for: patience) {
            try await store.cancel(task.id, message: "cancelled on request \(context.requestID)")
        }
        switch reply {
        case .cancelled: return try .fleet(view(try await store.task(task.id) ?? task))
        case .noTask: throw noTask(context)
        case .terminal(let state):
            throw APIError(
                .conflict, "Task \(task.id) has ended already (\(state.rawValue)); there is nothing to cancel.")
        }
    }

    /// A new task with the same request, but for the properties that this caller's imports get; of a copy, for what is
    /// still to be done. The failed one stays as it is.
    @Sendable private func retry(_: Request, _ context: APIContext) async throws -> Response {
        let failed = try await task(context)
        let image = try await admitRetry(of: failed, by: context.caller)
        guard failed.kind == .import, let method = failed.request.method else {
            throw APIError(
                .conflict,
                "Task \(failed.id) is an \(failed.kind.rawValue): its bytes cannot be asked for again; send them anew.")
        }
        guard failed.state == .failure else {
            throw APIError(
                .conflict, "Task \(failed.id) is \(failed.state.rawValue); only a failed import can be retried.")
        }
        guard methods.contains(method) else {
            throw APIError(.conflict, "Task \(failed.id) is a \(method.rawValue), which this service has no longer.")
        }
        if let store = failed.request.stores.first(where: shelf.isReadOnly) {
            throw APIError(
                .conflict, "Task \(failed.id) puts the image into store '\(store)', which is read-only; ask anew.")
        }
        var request = failed.request
        request.user = context.caller.user
        if method == .copyImage {
            request.stores = request.stores.filter { image.locations[$0] == nil }
            guard !request.stores.isEmpty else {
                throw APIError(.conflict, "Image \(image.id) is in all stores of task \(failed.id) by now.")
            }
        } else {
            request.injected = injection.properties(for: context.caller.roles)
        }
        let task = NewTask(
            id: context.ownID, image: failed.image, request: request, owner: failed.owner,
            priority: failed.priority, requestID: context.requestID, sourceBytes: method.sourceBytes(of: image))
        try await ImportStart(store: store, patience: patience).begin(task, wanted: method.requiredStatus)
        guard let created = try await store.task(task.id) else { throw noTask(context) }
        return try .fleet(view(created), status: .accepted)
    }

    /// Beside the task, its image must be the caller's to import: it may be another project's by now.
    private func admitRetry(of task: TaskRecord, by caller: Caller) async throws -> ImageRecord {
        guard caller.may(.fleetRetryTask, task) else {
            throw caller.refusal(.fleetRetryTask, to: "retry task \(task.id)")
        }
        guard let image = try await store.image(task.image), caller.isSystemAdmin || caller.maySee(image) else {
            throw CatalogError.noImage(task.image.rawValue)
        }
        let isCopy = task.request.method == .copyImage
        let action: PolicyAction = isCopy ? .copyImage : .modifyImage
        guard caller.isSystemAdmin || caller.may(action, image) else {
            throw caller.refusal(action, to: "\(isCopy ? "copy" : "import") image \(image.id)")
        }
        return image
    }

    private func task(_ context: APIContext) async throws -> TaskRecord {
        guard let id = TaskID(rawValue: context.part("id")), let task = try await store.task(id),
            context.caller.may(.fleetGetTasks, task)
        else { throw noTask(context) }
        return task
    }

    private func noTask(_ context: APIContext) -> APIError {
        APIError(
            .notFound,
            "There is no task '\(context.part("id").prefix(64))'; finished tasks are forgotten after some time.")
    }

    private func view(_ task: TaskRecord, history: [AttemptRecord]? = nil) -> TaskView {
        TaskView(task, source: task.request.uri.map(redact), history: history)
    }
}

/// What `GET /longshore/v1/tasks` asks for.
struct FleetTaskQuery {
    private(set) var state: TaskState?
    private(set) var image: ImageID?
    private(set) var limit = 100
    private(set) var marker: String?

    init(_ parameters: [(name: String, value: String)]) throws {
        for (name, value) in parameters {
            switch name {
            case "state":
                guard let known = TaskState(rawValue: value) else {
                    throw APIError(.badRequest, "state must be pending, processing, success or failure.")
                }
                state = known
            case "image":
                guard let id = ImageID(rawValue: value) else {
                    throw APIError(.badRequest, "image must be the id of an image.")
                }
                image = id
            case "limit":
                guard let number = Int(value), number >= 1 else {
                    throw APIError(.badRequest, "limit must be a whole number, 1 or more.")
                }
                limit = min(number, 1000)
            case "marker": marker = value
            default:
                throw APIError(.badRequest, "'\(name.prefix(64))' is not known; there are state, image, limit, marker.")
            }
        }
    }
}

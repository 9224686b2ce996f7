import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore

/// The tasks of the Image API: imports only, since uploads and stagings are tasks of ours alone.
struct TasksController: Sendable {
    let catalog: Catalog
    let store: LeaseStore

    func add(to routes: inout RouteTable) {
        routes.get("/v2/images/:id/tasks") { _, context in
            let image = try await catalog.image(context.part("id"), for: context.caller)
            let tasks = try await store.tasks(of: image.id).filter { $0.kind == .import && context.caller.sees($0) }
            return .json(.object(["tasks": .array(tasks.map { TaskDocument(task: $0).row })]))
        }
        routes.get("/v2/tasks", list)
        routes.get("/v2/tasks/:id") { _, context in
            try admit(context.caller)
            guard let id = TaskID(rawValue: context.part("id")), let task = try await store.task(id),
                task.kind == .import
            else { throw APIError(.notFound, "No task found with ID \(context.part("id").prefix(64))") }
            return .json(TaskDocument(task: task).whole)
        }
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try admit(context.caller)
        let parameters = try request.query
        let query = try TaskQuery(parameters)
        let pager = TaskPager(store: store)
        let page = try await pager.page(
            after: try await pager.marker(query.marker), limit: query.limit, where: query.matches)
        func link(_ marker: TaskID?) -> JSON {
            var kept = parameters.filter { $0.name != "marker" }
            if let marker { kept.append(("marker", marker.rawValue)) }
            let text = kept.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }
            return .string("/v2/tasks" + (text.isEmpty ? "" : "?" + text.joined(separator: "&")))
        }
        var members: [String: JSON] = [
            "tasks": .array(page.tasks.map { .object(TaskDocument(task: $0).summary) }),
            "first": link(nil), "schema": .string("/v2/schemas/tasks"),
        ]
        if let next = page.next { members["next"] = link(next) }
        return .json(.object(members))
    }

    private func admit(_ caller: Caller) throws {
        guard caller.isAdmin else { throw APIError(.forbidden, "Only administrators may see all tasks.") }
    }
}

/// What `GET /v2/tasks` asks for.
struct TaskQuery {
    private(set) var limit = ImageQuery.defaultLimit
    private(set) var marker: String?
    private var state: TaskState?
    private var owner: String?
    private var isOfOtherType = false

    init(_ parameters: [(name: String, value: String)]) throws {
        for (name, value) in parameters {
            switch name {
            case "limit":
                guard let number = Int(value), number >= 0 else {
                    throw APIError(.badRequest, "limit must be a whole number, 0 or more.")
                }
                limit = min(number, ImageQuery.maxLimit)
            case "marker": marker = value
            case "status":
                guard let known = TaskState(rawValue: value) else {
                    throw APIError(.badRequest, "status must be pending, processing, success or failure.")
                }
                state = known
            case "type":
                guard value == "import" || value == "api_image_import" else {
                    throw APIError(.badRequest, "type must be import or api_image_import.")
                }
                isOfOtherType = value == "import"
            case "owner": owner = value
            case "sort_key" where value == "created_at", "sort_dir" where value == "desc": break
            case "sort_key", "sort_dir":
                throw APIError(.badRequest, "Tasks can be sorted by created_at, desc, only.")
            default: throw APIError(.badRequest, "'\(name.prefix(64))' is no filter of tasks.")
            }
        }
    }

    func matches(_ task: TaskRecord) -> Bool {
        task.kind == .import && !isOfOtherType && (state == nil || task.state == state)
            && (owner == nil || task.owner == owner)
    }
}

extension Caller {
    func sees(_ task: TaskRecord) -> Bool { isAdmin || task.owner == project }
}

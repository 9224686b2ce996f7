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
            let tasks = try await store.tasks(of: image.id).filter {
                $0.kind == .import && context.caller.may(.getTasks, $0)
            }
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
        let page =
            if let order = query.order {
                try await pager.page(sortedBy: order, after: query.marker, limit: query.limit, where: query.matches)
            } else {
                try await pager.page(
                    after: try await pager.marker(query.marker), limit: query.limit, where: query.matches)
            }
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
        guard caller.may(.tasksAPIAccess) else { throw caller.refusal(.tasksAPIAccess, to: "see all tasks") }
    }
}

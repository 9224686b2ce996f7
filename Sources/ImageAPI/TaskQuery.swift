import HTTPTypes
import ImageCatalog
import ImportModel

/// What `GET /v2/tasks` asks for.
struct TaskQuery {
    private(set) var limit = ImageQuery.defaultLimit
    private(set) var marker: String?
    private var state: TaskState?
    private var owner: String?
    private var isOfOtherType = false
    private var key = TaskOrder.Key.createdAt
    private var isDescending = true

    /// `nil`: newest first, as tasks are kept.
    var order: TaskOrder? {
        key == .createdAt && isDescending ? nil : TaskOrder(key: key, isDescending: isDescending)
    }

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
            case "sort_key":
                guard let known = TaskOrder.Key(rawValue: value) else {
                    let names = TaskOrder.Key.allCases.map(\.rawValue).joined(separator: ", ")
                    throw APIError(.badRequest, "Cannot sort by '\(value.prefix(64))'; use one of \(names).")
                }
                key = known
            case "sort_dir":
                guard value == "asc" || value == "desc" else {
                    throw APIError(.badRequest, "sort_dir must be asc or desc.")
                }
                isDescending = value == "desc"
            default: throw APIError(.badRequest, "'\(name.prefix(64))' is no filter of tasks.")
            }
        }
    }

    func matches(_ task: TaskRecord) -> Bool {
        task.kind == .import && !isOfOtherType && (state == nil || task.state == state)
            && (owner == nil || task.owner == owner)
    }
}

/// An order of tasks that the client chose.
struct TaskOrder {
    enum Key: String, CaseIterable {
        case id, type, status
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case expiresAt = "expires_at"
    }

    let key: Key
    let isDescending: Bool

    func precedes(_ left: TaskRecord, _ right: TaskRecord) -> Bool {
        let (first, second) = isDescending ? (right, left) : (left, right)
        return rank(first) < rank(second)
    }

    /// Creation and id behind the key, so that no two tasks are equal. All tasks here have the same type.
    private func rank(_ task: TaskRecord) -> (String, Int64, Int64, String) {
        switch key {
        case .id, .type: ("", 0, key == .id ? 0 : task.createdAtMs, task.id.rawValue)
        case .status: (task.state.rawValue, 0, task.createdAtMs, task.id.rawValue)
        case .createdAt: ("", task.createdAtMs, 0, task.id.rawValue)
        case .updatedAt: ("", task.updatedAtMs, task.createdAtMs, task.id.rawValue)
        case .expiresAt: ("", task.expiresAtMs ?? 0, task.createdAtMs, task.id.rawValue)
        }
    }
}

import ImageCatalog
import ImportModel
import WebSource

/// A task of kind import, as the Image API shows it.
struct TaskDocument {
    let task: TaskRecord

    private static let type = JSON.string("api_image_import")

    /// A row of `/v2/images/{id}/tasks`.
    var row: JSON {
        .object([
            "id": .string(task.id.rawValue),
            "type": Self.type,
            "status": .string(task.state.rawValue),
            "owner": .string(task.owner),
            "user_id": JSON(task.request.user),
            "request_id": .string(task.requestID),
            "image_id": .string(task.image.rawValue),
            "input": input,
            "result": .null,
            "message": .string(task.message),
            "expires_at": task.expiresAtMs.map { .string(APITime.rowText($0)) } ?? .null,
            "created_at": .string(APITime.rowText(task.createdAtMs)),
            "updated_at": .string(APITime.rowText(task.updatedAtMs)),
            "deleted": .bool(false),
            "deleted_at": .null,
        ])
    }

    /// An entry of `/v2/tasks`.
    var summary: [String: JSON] {
        [
            "id": .string(task.id.rawValue),
            "type": Self.type,
            "status": .string(task.state.rawValue),
            "owner": .string(task.owner),
            "user_id": JSON(task.request.user),
            "request_id": .string(task.requestID),
            "image_id": .string(task.image.rawValue),
            "expires_at": task.expiresAtMs.map { .string(APITime.text($0)) } ?? .null,
            "created_at": .string(APITime.text(task.createdAtMs)),
            "updated_at": .string(APITime.text(task.updatedAtMs)),
            "self": .string("/v2/tasks/\(task.id)"),
            "schema": .string("/v2/schemas/task"),
        ]
    }

    /// `/v2/tasks/{id}`.
    var whole: JSON {
        let more: [String: JSON] = ["input": input, "result": .null, "message": .string(task.message)]
        return .object(summary.merging(more) { _, new in new })
    }

    /// The request, with the source as it may be shown.
    private var input: JSON {
        var method: [String: JSON] = ["name": JSON(task.request.method?.rawValue)]
        if let uri = task.request.uri { method["uri"] = .string(redact(uri)) }
        return .object([
            "image_id": .string(task.image.rawValue),
            "import_req": .object([
                "method": .object(method),
                "stores": .array(task.request.stores.map { .string($0.rawValue) }),
                "all_stores_must_succeed": .bool(task.request.allStoresMustSucceed),
            ]),
            "backend": .array(task.request.stores.map { .string($0.rawValue) }),
        ])
    }
}

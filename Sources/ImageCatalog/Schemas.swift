/// The JSON schemas that clients read before they build a request.
package enum Schemas {
    /// `nil` for a name that has none.
    package static func schema(_ name: String) -> JSON? {
        switch name {
        case "image": image
        case "images": list(of: image, named: "images")
        case "task": task
        case "tasks": list(of: task, named: "tasks")
        case "member": member
        case "members": list(of: member, named: "members")
        default: nil
        }
    }

    private static let image: JSON = .object([
        "name": .string("image"),
        "properties": .object(ImageSchema.properties.merging(CommonProperties.schema) { base, _ in base }),
        "additionalProperties": type("string", "Any other name is a free property."),
        "links": .array([
            link("self", "{self}"), link("enclosure", "{file}"), link("describedby", "{schema}"),
        ]),
    ])

    private static let task: JSON = .object([
        "name": .string("task"),
        "properties": .object([
            "id": type("string", "An identifier for the task"),
            "type": type("string", "The type of the task: api_image_import"),
            "status": choice(["pending", "processing", "success", "failure"], "Where the task stands"),
            "input": nullable("object", "What was asked for"),
            "result": nullable("object", "What came of it"),
            "owner": type("string", "The project that the task belongs to"),
            "message": type("string", "Progress or the reason of a failure, for a person"),
            "image_id": type("string", "The image that the task works on"),
            "request_id": type("string", "The id of the request that made the task"),
            "user_id": nullable("string", "Who made that request"),
            "expires_at": nullable("string", "When a finished task is forgotten"),
            "created_at": type("string", "When the task was made"),
            "updated_at": type("string", "When the task was last changed"),
            "self": type("string", "The path of this task"),
            "schema": type("string", "The path of this schema"),
        ]),
    ])

    private static let member: JSON = .object([
        "name": .string("member"),
        "properties": .object([
            "member_id": type("string", "The project that the image is shared with"),
            "image_id": type("string", "The image"),
            "status": choice(["pending", "accepted", "rejected"], "The answer of the project"),
            "created_at": type("string", "When the member was added"),
            "updated_at": type("string", "When the member was last changed"),
            "schema": type("string", "The path of this schema"),
        ]),
    ])

    private static func list(of item: JSON, named name: String) -> JSON {
        .object([
            "name": .string(name),
            "properties": .object([
                name: .object(["type": .string("array"), "items": item]),
                "schema": type("string", "The path of this schema"),
                "first": type("string", "The first page"),
                "next": type("string", "The page that follows"),
            ]),
            "links": .array([link("first", "{first}"), link("next", "{next}"), link("describedby", "{schema}")]),
        ])
    }

    static func type(_ type: String, _ description: String) -> JSON {
        .object(["type": .string(type), "description": .string(description)])
    }

    static func nullable(_ type: String, _ description: String) -> JSON {
        .object(["type": .array([.string("null"), .string(type)]), "description": .string(description)])
    }

    static func choice(_ values: [String], _ description: String) -> JSON {
        .object([
            "type": .string("string"), "enum": .array(values.map(JSON.string)), "description": .string(description),
        ])
    }

    private static func link(_ rel: String, _ href: String) -> JSON {
        .object(["rel": .string(rel), "href": .string(href)])
    }
}

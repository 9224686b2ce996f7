/// A row of the policy: something that can be asked of the service, and by whom unless the operator says otherwise.
package struct PolicyAction: Hashable, Sendable {
    /// What is acted on, which decides the words that make sense.
    package enum Subject: Hashable, Sendable {
        case image, membership, task, service, metrics
    }

    package let name: String
    package let subject: Subject
    package let fallback: PolicyRule
    package let help: String

    private init(_ name: String, _ subject: Subject, _ fallback: PolicyRule, _ help: String) {
        self.name = name
        self.subject = subject
        self.fallback = fallback
        self.help = help
    }

    /// Of the fleet API, which is no project's: for these a token of the whole system does as well.
    package var isOfFleet: Bool { name.hasPrefix("fleet:") }

    package var rules: [PolicyRule] {
        switch subject {
        case .image: [.nobody, .admin, .service, .owner, .member, .reader, .known]
        case .membership: [.nobody, .admin, .service, .recipient, .owner, .member, .reader, .known]
        case .task: [.nobody, .admin, .service, .owner, .reader, .known]
        case .service: [.nobody, .admin, .service, .member, .reader, .known]
        case .metrics: [.nobody, .admin, .service, .member, .reader, .known, .anyone]
        }
    }

    // The Image API. Names and rules are those of Glance's secure defaults, where Glance has the row.
    package static let discovery = PolicyAction(
        "discovery", .service, .known, "read the schemas, and what the service offers: import methods, stores")
    package static let addImage = PolicyAction("add_image", .service, .member, "create images of one's project")
    package static let getImages = PolicyAction("get_images", .service, .reader, "list images")
    package static let getImage = PolicyAction(
        "get_image", .image, .reader, "see an image; to whoever may not, it does not exist")
    package static let downloadImage = PolicyAction("download_image", .image, .member, "download an image's data")
    package static let modifyImage = PolicyAction(
        "modify_image", .image, .owner, "change an image and its tags, stage data for it, and import it")
    package static let uploadImage = PolicyAction("upload_image", .image, .owner, "upload an image's data")
    package static let deleteImage = PolicyAction("delete_image", .image, .owner, "delete an image")
    package static let publicizeImage = PolicyAction("publicize_image", .image, .admin, "make an image public")
    package static let communitizeImage = PolicyAction(
        "communitize_image", .image, .owner, "make an image a community image")
    package static let deactivate = PolicyAction("deactivate", .image, .owner, "take an image out of service")
    package static let reactivate = PolicyAction("reactivate", .image, .owner, "put an image back into service")
    package static let copyImage = PolicyAction("copy_image", .image, .admin, "copy an image to more stores")
    package static let deleteImageLocation = PolicyAction(
        "delete_image_location", .image, .admin, "delete an image from one of its stores")
    package static let getMembers = PolicyAction(
        "get_members", .image, .reader, "list whom an image is shared with; a recipient sees itself")
    package static let getMember = PolicyAction("get_member", .image, .reader, "see one of them")
    package static let addMember = PolicyAction("add_member", .image, .owner, "share an image with a project")
    package static let modifyMember = PolicyAction(
        "modify_member", .membership, .recipient, "accept or reject an image that is shared with one's project")
    package static let deleteMember = PolicyAction("delete_member", .image, .owner, "share an image no longer")
    package static let getTasks = PolicyAction("get_tasks", .task, .reader, "see the tasks of an image")
    package static let tasksAPIAccess = PolicyAction(
        "tasks_api_access", .service, .admin, "see the tasks of all projects under /v2/tasks")
    package static let storesInfoDetail = PolicyAction(
        "stores_info_detail", .service, .service, "see the details of stores")

    // The fleet API.
    package static let fleetGetTasks = PolicyAction(
        "fleet:get_tasks", .task, .reader, "see tasks with their progress and history")
    package static let fleetCancelTask = PolicyAction("fleet:cancel_task", .task, .owner, "cancel a task")
    package static let fleetRetryTask = PolicyAction("fleet:retry_task", .task, .owner, "retry a failed import")
    package static let fleetGetLocks = PolicyAction("fleet:get_locks", .task, .reader, "see who holds which image")
    package static let fleetGetProvenance = PolicyAction(
        "fleet:get_provenance", .image, .reader, "see where an image's bytes came from, and their verdict")
    package static let fleetGetStores = PolicyAction("fleet:get_stores", .service, .reader, "list the stores")
    package static let fleetGetWorkers = PolicyAction("fleet:get_workers", .service, .admin, "list the processes")
    package static let fleetGetQueue = PolicyAction("fleet:get_queue", .service, .admin, "see the queue in numbers")
    package static let fleetSetQueue = PolicyAction("fleet:set_queue", .service, .admin, "pause and resume the queue")
    package static let fleetWatchEvents = PolicyAction(
        "fleet:watch_events", .service, .admin, "watch the changes of all tasks")
    package static let fleetGetMetrics = PolicyAction("fleet:get_metrics", .metrics, .admin, "read /metrics")

    /// The whole table, in the order in which people should read it.
    package static let all: [PolicyAction] = [
        discovery, addImage, getImages, getImage, downloadImage, modifyImage, uploadImage, deleteImage, publicizeImage,
        communitizeImage, deactivate, reactivate, copyImage, deleteImageLocation, getMembers, getMember, addMember,
        modifyMember, deleteMember, getTasks, tasksAPIAccess, storesInfoDetail,
        fleetGetTasks, fleetCancelTask, fleetRetryTask, fleetGetLocks, fleetGetProvenance, fleetGetStores,
        fleetGetWorkers, fleetGetQueue, fleetSetQueue, fleetWatchEvents, fleetGetMetrics,
    ]
}

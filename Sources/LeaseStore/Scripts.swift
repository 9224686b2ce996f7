import Foundation
import RedisClient

/// All of the project's Lua: `Scripts/<noun>-<verb>.lua`, each with `prelude.lua` behind its first line, and its name
/// in the last one, for whoever sees it pass or finds it in a slow log.
enum Scripts {
    static let importCreate = script("import-create", PackageResources.import_create_lua)
    static let uploadOpen = script("upload-open", PackageResources.upload_open_lua)
    static let importClaim = script("import-claim", PackageResources.import_claim_lua)
    static let importBeat = script("import-beat", PackageResources.import_beat_lua)
    static let importCheckpoint = script("import-checkpoint", PackageResources.import_checkpoint_lua)
    static let checkpointForget = script("checkpoint-forget", PackageResources.checkpoint_forget_lua)
    static let importPublish = script("import-publish", PackageResources.import_publish_lua)
    static let importLocate = script("import-locate", PackageResources.import_locate_lua)
    static let importFail = script("import-fail", PackageResources.import_fail_lua)
    static let importRelease = script("import-release", PackageResources.import_release_lua)
    static let importSuspect = script("import-suspect", PackageResources.import_suspect_lua)
    static let importRecover = script("import-recover", PackageResources.import_recover_lua)
    static let importCancel = script("import-cancel", PackageResources.import_cancel_lua)
    static let imageCreate = script("image-create", PackageResources.image_create_lua)
    static let imageUpdate = script("image-update", PackageResources.image_update_lua)
    static let imageDelete = script("image-delete", PackageResources.image_delete_lua)
    static let locationDelete = script("location-delete", PackageResources.location_delete_lua)
    static let imageSwitch = script("image-switch", PackageResources.image_switch_lua)
    static let memberAdd = script("member-add", PackageResources.member_add_lua)
    static let memberAnswer = script("member-answer", PackageResources.member_answer_lua)
    static let memberRemove = script("member-remove", PackageResources.member_remove_lua)
    static let garbageName = script("garbage-name", PackageResources.garbage_name_lua)
    static let garbageCheck = script("garbage-check", PackageResources.garbage_check_lua)
    static let garbageTake = script("garbage-take", PackageResources.garbage_take_lua)
    static let garbageDone = script("garbage-done", PackageResources.garbage_done_lua)
    static let turnBegin = script("turn-begin", PackageResources.turn_begin_lua)
    static let auditStep = script("audit-step", PackageResources.audit_step_lua)
    static let auditIndex = script("audit-index", PackageResources.audit_index_lua)
    static let auditImage = script("audit-image", PackageResources.audit_image_lua)
    static let imageScan = script("image-scan", PackageResources.image_scan_lua)
    static let objectReport = script("object-report", PackageResources.object_report_lua)
    static let storeReport = script("store-report", PackageResources.store_report_lua)
    static let storeNote = script("store-note", PackageResources.store_note_lua)
    static let taskExpire = script("task-expire", PackageResources.task_expire_lua)
    static let leaseScan = script("lease-scan", PackageResources.lease_scan_lua)
    static let processRegister = script("process-register", PackageResources.process_register_lua)
    static let processLeave = script("process-leave", PackageResources.process_leave_lua)
    static let queuePause = script("queue-pause", PackageResources.queue_pause_lua)
    static let queueStats = script("queue-stats", PackageResources.queue_stats_lua)
    static let catalogOpen = script("catalog-open", PackageResources.catalog_open_lua)
    static let catalogIndex = script("catalog-index", PackageResources.catalog_index_lua)

    static let all = [
        importCreate, uploadOpen, importClaim, importBeat, importCheckpoint, checkpointForget, importPublish,
        importLocate, importFail, importRelease, importSuspect, importRecover, importCancel, imageCreate, imageUpdate,
        imageDelete, locationDelete, imageSwitch, memberAdd, memberAnswer,
        memberRemove, garbageName, garbageCheck, garbageTake, garbageDone, turnBegin, auditStep, auditIndex, auditImage,
        imageScan, objectReport, storeReport, storeNote, taskExpire, leaseScan, processRegister, processLeave,
        queuePause,
        queueStats, catalogOpen, catalogIndex,
    ]

    private static func script(_ name: String, _ file: [UInt8]) -> RedisScript {
        let text = String(decoding: file, as: UTF8.self)
        let prelude = String(decoding: PackageResources.prelude_lua, as: UTF8.self)
        guard let firstLine = text.firstIndex(of: "\n") else { return RedisScript(name: name, source: text) }
        return RedisScript(name: name, source: text[...firstLine] + prelude + text[firstLine...] + "-- \(name)\n")
    }
}

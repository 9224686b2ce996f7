package import NIOCore

/// One object in the making. Bytes are written in order by one caller at a time.
package protocol ObjectWriter: Sendable {
    /// Appends `block`; returns when the store has taken it.
    func write(_ block: ByteBuffer) async throws(StorageError)

    /// Makes the object visible and durable, with its description beside it.
    ///
    /// - Throws: `.exists` if somebody else committed the key; `.unavailable` if `description` gives another size than
    ///   what was written, or if what was written is gone.
    func commit(_ description: ObjectDescription) async throws(StorageError)

    /// Gives up: releases descriptors and connections, deletes nothing, and makes every later call fail. May be
    /// repeated, works in a cancelled task, and is without effect on a committed object.
    func abandon() async
}

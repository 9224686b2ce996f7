package import ImportModel
package import NIOCore

/// One object in the making. Bytes are written in order by one caller at a time.
package protocol ObjectWriter: Sendable {
    /// The key under which the object will be, if that is not the one it was opened with: somebody else's, whose work
    /// goes on.
    var handedKey: ObjectKey? { get }

    /// Checkpoints are possible where so many bytes, or a multiple of it, are written; `nil`: nowhere.
    var checkpointUnit: Int64? { get }

    /// Does the next piece of what has to be done before the first byte can be written; whether there is more.
    ///
    /// - Parameter copied: is given the bytes of another's object that become this one's, in their order.
    func catchUp(_ copied: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws(StorageError) -> Bool

    /// Appends `block`; returns when the store has taken it.
    func write(_ block: ByteBuffer) async throws(StorageError)

    /// Makes the first `offset` bytes, all of which have been written, last until somebody deletes them. May run beside
    /// `write`.
    ///
    /// - Returns: how another writer goes on behind them; `nil` if none can.
    func checkpoint(at offset: Int64) async throws(StorageError) -> UnfinishedObject?

    /// Makes the object visible and durable, with its description beside it.
    ///
    /// - Throws: `.exists` if somebody else committed the key; `.overtaken` if somebody else committed what was handed
    ///   over; `.unavailable` if `description` gives another size than what was written, or if what was written is gone.
    func commit(_ description: ObjectDescription) async throws(StorageError)

    /// Gives up: releases descriptors and connections, deletes nothing, and makes every later call fail. May be
    /// repeated, works in a cancelled task, and is without effect on a committed object.
    func abandon() async
}

extension ObjectWriter {
    package var handedKey: ObjectKey? { nil }
    package var checkpointUnit: Int64? { nil }
    package func catchUp(_ copied: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws(StorageError)
        -> Bool
    {
        false
    }
    package func checkpoint(at offset: Int64) async throws(StorageError) -> UnfinishedObject? { nil }
}

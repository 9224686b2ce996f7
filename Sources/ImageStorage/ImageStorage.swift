package import ImportModel

/// A place where the bytes of images live: the port that every kind of store implements.
///
/// What every adapter promises, and what the conformance suite of the tests holds each of them to:
///
/// * **Write-once.** An object appears whole at `commit` or not at all, and never changes afterwards. A process that
///   dies at any point leaves nothing that `read`, `size` or a user can see.
/// * **One writer.** Of several writers of one key at most one commits; the others get `.exists`. Keys contain the
///   nonce of an attempt, so in practice nobody ever competes for one.
/// * **Durable.** After `commit` or `setMarker` returns, the bytes survive the loss of power.
/// * **Who deletes.** Writers never delete, not even what they leave unfinished. `delete` is for the sweeper alone,
///   may be repeated, and removes an object together with everything unfinished under its key.
/// * **Errors.** Only `StorageError`. `.unavailable` may pass by itself; `.misconfigured` needs a person.
/// * **Cancellation.** Operations are short and are not interrupted; callers check between them.
///
/// An adapter does not retry, limit or log: those are other people's jobs. Only what no caller can repeat, such as one
/// part of an upload or a stream that broke, it sends or opens again, a bounded number of times.
package protocol ImageStorage: ObjectTarget {
    /// The kind of store, for people: `filesystem` …
    var kind: String { get }

    /// Whether the operator has closed the store: then `create`, `delete` and `setMarker` are refused, and `check` asks
    /// for no writing. `ReadOnlyStorage` makes any store so.
    var isReadOnly: Bool { get }

    /// Opens a committed object for reading.
    ///
    /// - Parameter range: bytes to deliver, cut to what the object has; `nil` for all.
    /// - Throws: `.notFound` if there is no such object.
    func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody

    /// Makes `key` of an object of another store without its bytes passing through this process, where both are in one
    /// service that can. What `create` and a writer promise holds here too; the size and, as far as the service tells
    /// it, the checksum of what was made are compared with `description`.
    ///
    /// - Parameter step: called before each part of the work with the bytes done so far; its errors end the work.
    /// - Throws: `StorageError`, after which the object is not there, or not yet.
    func copy(
        _ source: ObjectKey, of other: any ImageStorage, to key: ObjectKey, _ description: ObjectDescription,
        step: @Sendable (_ bytesDone: Int64) async throws -> Void
    ) async throws -> ObjectCopy

    /// The size of a committed object in bytes; `nil` if there is none.
    func size(_ key: ObjectKey) async throws(StorageError) -> Int64?

    /// Removes an object and everything unfinished under its key; no error if there is nothing. For the sweeper only.
    func delete(_ key: ObjectKey) async throws(StorageError)

    /// One page of everything that the store holds, unfinished files included: for a rare audit.
    ///
    /// - Parameter cursor: `next` of the page before; `nil` for the first. Pages may be empty before the last.
    func list(after cursor: String?) async throws(StorageError) -> ObjectPage

    /// What the store says about whose it is; `nil` if nobody has set it up yet.
    func marker() async throws(StorageError) -> StoreMarker?

    /// Sets up the store, or replaces its marker: at once and durably. Whoever may run beside others uses
    /// `updateMarker`; only an operator's release replaces a marker whatever it says.
    ///
    /// - Parameter ifAbsent: leaves a marker that is there as it is, which is no error.
    func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError)

    /// Whether this process can use the store: it is writable and carries a marker. The error says what to do.
    func check() async throws(StorageError)
}

extension ImageStorage {
    package func setMarker(_ marker: StoreMarker) async throws(StorageError) {
        try await setMarker(marker, ifAbsent: false)
    }
}

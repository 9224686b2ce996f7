package import ImageStorage
package import ImportModel
import NIOCore
import Synchronization

/// The scratch file as a place where the pipeline writes an image that is to be converted.
package struct ScratchTarget: ObjectTarget {
    package let id = StoreID.scratch
    package let file: ScratchFile

    package init(_ file: ScratchFile) { self.file = file }

    package func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        ScratchWriter(file: file)
    }
}

private final class ScratchWriter: ObjectWriter {
    private let file: ScratchFile
    private let written = Mutex<Int64>(0)

    init(file: ScratchFile) { self.file = file }

    func write(_ block: ByteBuffer) async throws(StorageError) {
        let offset = written.withLock { written in
            defer { written += Int64(block.readableBytes) }
            return written
        }
        try await file.run { [file] () throws(StorageError) in try file.write(block, at: offset) }
    }

    /// Nothing has to last: an attempt that is done again begins anew.
    func commit(_ description: ObjectDescription) async throws(StorageError) {}

    func abandon() async {}
}

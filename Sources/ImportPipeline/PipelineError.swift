package import ImageStorage
package import ImportModel

/// Why a run ended, where neither the source nor the lease is to blame; the description is for a person.
package enum PipelineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes are not those that were asked for. Stays so: another attempt would read the same.
    case digestMismatch(expected: ExpectedDigest, actual: String)
    /// The bytes are not what they are declared to be, or dangerous. Stays so.
    case refusedFormat(reason: String)
    /// The compressed data is damaged or cut, costs more than it may, or holds something else than one file. Stays so.
    case refusedCompression(reason: String)
    /// There was no memory to decompress with, which may pass.
    case noMemory
    /// There was not a single byte, where an image must have some. Stays so.
    case empty
    /// More bytes than are accepted. Stays so.
    case tooLarge(limit: Int64)
    /// More bytes than the source announced. Stays so.
    case tooLong(expected: Int64)
    /// Fewer bytes than the source announced: a connection that broke, which may pass.
    case tooShort(expected: Int64, received: Int64)
    /// A store failed, and all were needed. The storage error says whether it may pass.
    case storage(StoreID, StorageError)
    /// Every store failed.
    case noStoreLeft([StoreID: StorageError])

    /// Whether it is about the bytes themselves.
    package var isVerdict: Bool {
        switch self {
        case .digestMismatch, .refusedFormat, .refusedCompression, .empty, .tooLarge, .tooLong: true
        case .noMemory, .tooShort, .storage, .noStoreLeft: false
        }
    }

    package var description: String {
        switch self {
        case .digestMismatch(let expected, let actual):
            "the bytes received have the digest \(actual), not \(expected); check the source and the checksum"
        case .empty:
            "the source is empty, or decompresses to nothing; check that it is the right one"
        case .refusedFormat(let reason), .refusedCompression(let reason):
            reason
        case .noMemory:
            "there is no memory to decompress with; run fewer imports at once, or give the worker more"
        case .tooLarge(let limit):
            "the image is larger than the limit of \(limit) bytes; raise the limit or shrink the image"
        case .tooLong(let expected):
            "the source sent more than the \(expected) bytes that it announced; check the source"
        case .tooShort(let expected, let received):
            "the source ended after \(received) of \(expected) bytes; try again"
        case .storage(_, let error):
            error.description
        case .noStoreLeft(let errors):
            "no store took the image: "
                + errors.sorted { $0.key < $1.key }.map(\.value.description).joined(separator: "; ")
        }
    }
}

/// What a service can do beyond the common ground, as `check()` found out; nothing is relied on before.
struct S3Traits: Hashable, Sendable, CustomStringConvertible {
    /// `If-None-Match: *` keeps `PutObject` from replacing an object.
    var conditionalPut = false
    /// The same for `CompleteMultipartUpload`.
    var conditionalComplete = false
    /// `x-amz-checksum-sha256` is taken.
    var checksums = false

    var description: String {
        let isGuarded = conditionalPut && conditionalComplete
        return (isGuarded ? "objects are never replaced" : "If-None-Match is not honoured")
            + (checksums ? ", parts carry checksums" : ", checksums are not taken")
    }
}

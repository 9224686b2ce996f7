/// How an upload can be gone on with by a process that has not begun it.
enum S3Continuation: Hashable, Sendable {
    /// The service tells the checksums of the parts that it has.
    case withChecksums
    /// It tells their tags only, so that the upload must not promise checksums.
    case withTags
}

/// What a service can do beyond the common ground, as `check()` found out; nothing is relied on before.
struct S3Traits: Hashable, Sendable, CustomStringConvertible {
    /// `If-None-Match: *` keeps `PutObject` from replacing an object.
    var conditionalPut = false
    /// The same for `CompleteMultipartUpload`.
    var conditionalComplete = false
    /// `x-amz-checksum-sha256` is taken.
    var checksums = false
    /// What shows the bytes that `PutObject` made an object of.
    var putProof = S3Proof.none
    /// The same for `CompleteMultipartUpload`.
    var completeProof = S3Proof.none
    /// `nil` where parts are not told, or the tag of the whole is not made of theirs: then no two are told apart.
    var continuation: S3Continuation?
    /// Whether `continuation` is to be asked for again, since the service did not answer.
    var asksAgain = false

    var description: String {
        let isGuarded = conditionalPut && conditionalComplete
        return (isGuarded ? "objects are never replaced" : "If-None-Match is not honoured")
            + (continuation == nil ? ", interrupted imports begin anew" : "")
            + (checksums ? ", parts carry checksums" : ", checksums are not taken")
            + (putProof != .none && completeProof != .none
                ? ", and what is stored can be compared" : ", and of what is stored only the size can be compared")
    }
}

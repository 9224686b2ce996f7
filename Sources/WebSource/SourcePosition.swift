/// How far a source was read, and which version of it that was.
package struct SourcePosition: Hashable, Sendable {
    /// Of the first byte that is wanted.
    package var offset: Int64
    package var validators: SourceValidators

    package init(offset: Int64, validators: SourceValidators) {
        self.offset = offset
        self.validators = validators
    }

    /// The bytes that are wanted, if they can be asked for.
    var rest: ClosedRange<Int64>? {
        guard validators.allowResuming, let total = validators.totalBytes, offset >= 0, offset < total else {
            return nil
        }
        return offset...total - 1
    }
}

/// Where the body of an answer begins.
package enum SourceStart: Hashable, Sendable {
    case beginning
    /// With the first byte that was not read yet, of the same version.
    case offset(Int64)
    /// With the first byte of all, although the rest was asked for: what was read before counts no more. A sentence
    /// says why.
    case anew(String)
}

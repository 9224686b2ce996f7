/// How far a source was read, and which version of it that was.
package struct SourcePosition: Hashable, Sendable {
    /// Of the first byte that is wanted.
    package var offset: Int64
    package var validators: SourceValidators
    /// Where the bytes before it came from after redirects, redacted; `nil`: wherever. A mirror may have other bytes
    /// under the same tag or date.
    package var place: String?

    package init(offset: Int64, validators: SourceValidators, place: String? = nil) {
        self.offset = offset
        self.validators = validators
        self.place = place
    }

    /// For all that is behind it.
    var request: SourceRequest {
        get throws(RangeAnswer.Mismatch) {
            guard let total = validators.totalBytes, offset < total else {
                throw RangeAnswer.Mismatch(reason: "there is nothing behind byte \(offset)")
            }
            return try SourceRequest(offset...total - 1, of: validators)
        }
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

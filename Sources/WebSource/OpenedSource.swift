import NIOHTTP1

/// A source that answers, for as long as it is in use.
package struct OpenedSource: Sendable {
    /// Where the body begins.
    package let start: SourceStart
    /// Of the whole source in bytes, if the server said; also where only the rest of it was asked for.
    package let contentLength: Int64?
    /// Whether the end of the body can be told from a connection that broke.
    package let tellsItsEnd: Bool
    /// By which the rest can be asked for.
    package let validators: SourceValidators
    /// Of the connection on which the body begins.
    package let origin: SourceOrigin
    package let body: SourceBody

    /// Where the bytes come from after redirects, redacted.
    package var url: String { origin.urls.last ?? "" }

    /// - Parameter start: if it is another than the answer's.
    init(
        _ answer: SourceAnswer, of visit: SourceVisit, _ position: SourcePosition?, start: SourceStart? = nil
    ) throws(SourceError) {
        self.start = start ?? answer.start
        if case .offset = self.start, let position {
            validators = position.validators
        } else {
            validators = SourceValidators(answer.head.headers, totalBytes: answer.contentLength)
        }
        contentLength = validators.totalBytes
        if let contentLength, contentLength > visit.limits.maxBytes {
            throw answer.faults.tooLarge(visit.limits.maxBytes)
        }
        tellsItsEnd = contentLength != nil || answer.isChunked
        origin = answer.origin
        body = SourceBody(first: answer, visit: visit, start: self.start, validators: validators)
    }
}

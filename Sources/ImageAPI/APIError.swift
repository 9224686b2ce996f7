import HTTPTypes

/// A request that is not served, as it is told to the client.
struct APIError: Error {
    let status: HTTPResponse.Status
    /// What was wrong and what to do; for a person.
    let message: String
    let headers: HTTPFields
    /// What the log says of it beyond that.
    let cause: (any Error)?

    init(
        _ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:], cause: (any Error)? = nil
    ) {
        self.status = status
        self.message = message
        self.headers = headers
        self.cause = cause
    }
}

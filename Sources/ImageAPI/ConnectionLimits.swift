/// What a client may cost a connection in time.
package struct ConnectionLimits: Sendable {
    /// From the first byte of a request, or from the connection's begin, to the end of the request's head.
    package var head: Duration = .seconds(30)
    /// Between two requests.
    package var idle: Duration = .seconds(300)
    /// How long the service waits for a client in the middle of a body or an answer, before it looks whether what
    /// has moved meanwhile was worth the wait.
    package var client: Duration = .seconds(60)
    /// How long, and for how many bytes, a client that sends on after its answer is listened to.
    package var linger: Duration = .seconds(5)
    package var lingerBytes = 64 << 20
    /// Bytes a second; a body that comes more slowly is not waited for.
    static let minimumRate: Int64 = 1 << 10

    package init() {}
}

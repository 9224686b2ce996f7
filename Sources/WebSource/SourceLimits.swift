/// How long and how much a source may take.
package struct SourceLimits: Hashable, Sendable {
    /// For a name to be resolved, and for each address to be connected to.
    package var connect: Duration
    /// From a connection, with TLS, to the end of the answer's headers.
    package var headers: Duration
    /// Between two pieces of the body; time in which we do not read does not count.
    package var idle: Duration
    /// From the first request to the last byte.
    package var total: Duration
    /// The least number of bytes per second of waiting, judged once in every `rateWindow`; `nil`: any.
    package var minimumRate: Int64?
    package var rateWindow: Duration
    package var maxBytes: Int64
    package var redirects: Int
    /// How often in a row the rest is asked for when a connection breaks within the body.
    package var carryOns = 5
    /// Before the first of them; doubled for each further one, and anything down to half of it.
    package var carryOnPause: Duration = .seconds(1)
    /// In bytes: what has to come between two breaks so that they are not of one row.
    var carryOnProgress: Int64 = 16 << 20

    /// How a source is read by several connections at once.
    package var readAhead: ReadAheadLimits

    package init(
        connect: Duration = .seconds(10), headers: Duration = .seconds(30), idle: Duration = .seconds(60),
        total: Duration = .seconds(24 * 3600), minimumRate: Int64? = nil,
        rateWindow: Duration = .seconds(60), maxBytes: Int64 = 1 << 40, redirects: Int = 5, connections: Int = 4
    ) {
        self.connect = connect
        self.headers = headers
        self.idle = idle
        self.total = total
        self.minimumRate = minimumRate
        self.rateWindow = rateWindow
        self.maxBytes = maxBytes
        self.redirects = redirects
        readAhead = ReadAheadLimits(connections: connections)
    }
}

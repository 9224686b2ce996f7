/// A project that an image is shared with. It may use the image whatever it says to that; lists show the image to it once
/// it has accepted.
///
/// Times are milliseconds since 1970 by the Redis server's clock.
package struct ImageMember: Hashable, Sendable {
    package var status: MemberStatus
    package var createdAtMs: Int64
    package var updatedAtMs: Int64

    package init(status: MemberStatus, createdAtMs: Int64, updatedAtMs: Int64) {
        self.status = status
        self.createdAtMs = createdAtMs
        self.updatedAtMs = updatedAtMs
    }
}

/// What a project says to an image that is shared with it.
package enum MemberStatus: String, Codable, Sendable, CaseIterable {
    case pending, accepted, rejected
}

/// What a client asked for, stored with the task (its `input` field, as JSON).
package struct ImportRequest: Hashable, Codable, Sendable {
    /// `nil` for uploads and stagings, which API processes carry out themselves.
    package var method: ImportMethod?
    /// The source of a `web-download`.
    package var uri: String?
    /// Where the bytes shall go; never empty.
    package var stores: [StoreID]
    /// Whether one store that fails fails the import; otherwise the stores that succeed are enough.
    package var allStoresMustSucceed: Bool
    /// The digest that the bytes as received must have.
    package var checksum: ExpectedDigest?
    /// Where that digest is to be read instead.
    package var publisher: PublisherChecksum?
    /// Who asked for it; `nil` where that is not known.
    package var user: String?
    /// Properties that the image gets besides its own when it becomes active.
    package var injected: [String: String]
    /// The step of a client's trace that asked for it.
    package var trace: TraceContext?

    package init(
        method: ImportMethod?, uri: String? = nil, stores: [StoreID], allStoresMustSucceed: Bool = true,
        checksum: ExpectedDigest? = nil, publisher: PublisherChecksum? = nil, user: String? = nil,
        injected: [String: String] = [:], trace: TraceContext? = nil
    ) {
        self.method = method
        self.uri = uri
        self.stores = stores
        self.allStoresMustSucceed = allStoresMustSucceed
        self.checksum = checksum
        self.publisher = publisher
        self.user = user
        self.injected = injected
        self.trace = trace
    }

    private enum CodingKeys: String, CodingKey {
        case method, uri, stores, checksum, publisher, user, trace
        case allStoresMustSucceed = "must"
        case injected = "inject"
    }

    // Defaults are left out: a queued task should be small.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(method, forKey: .method)
        try container.encodeIfPresent(uri, forKey: .uri)
        try container.encode(stores, forKey: .stores)
        if !allStoresMustSucceed { try container.encode(false, forKey: .allStoresMustSucceed) }
        try container.encodeIfPresent(checksum, forKey: .checksum)
        try container.encodeIfPresent(publisher, forKey: .publisher)
        try container.encodeIfPresent(user, forKey: .user)
        if !injected.isEmpty { try container.encode(injected, forKey: .injected) }
        try container.encodeIfPresent(trace?.text, forKey: .trace)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        method = try container.decodeIfPresent(ImportMethod.self, forKey: .method)
        uri = try container.decodeIfPresent(String.self, forKey: .uri)
        stores = try container.decode([StoreID].self, forKey: .stores)
        allStoresMustSucceed = try container.decodeIfPresent(Bool.self, forKey: .allStoresMustSucceed) ?? true
        checksum = try container.decodeIfPresent(ExpectedDigest.self, forKey: .checksum)
        publisher = try container.decodeIfPresent(PublisherChecksum.self, forKey: .publisher)
        user = try container.decodeIfPresent(String.self, forKey: .user)
        injected = try container.decodeIfPresent([String: String].self, forKey: .injected) ?? [:]
        trace = try container.decodeIfPresent(String.self, forKey: .trace).flatMap { TraceContext($0) }
    }
}

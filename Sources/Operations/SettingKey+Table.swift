extension SettingKey {
    static let dataDir = SettingKey(
        "data-dir", .folder, nil,
        "Where `longshore standalone` keeps its Redis and its store; unset: $XDG_DATA_HOME/longshore or ~/.local/share/longshore."
    )

    static let logLevel = SettingKey(
        "log.level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), "info",
        "The least severe level that is written.")
    static let logFormat = SettingKey(
        "log.format", .choice(["text", "json"]), "text", "`text` for people, `json` for one JSON object a line.")

    static let redisURL = SettingKey(
        "redis.url", .url(["redis", "rediss", "unix"]), "redis://127.0.0.1:6379",
        "The Redis of the fleet: `redis://host:port/db`, `rediss://…` for TLS, `unix:///path/of/socket`.")
    static let redisUsername = SettingKey("redis.username", .text, nil, "The ACL user.")
    static let redisPassword = SettingKey("redis.password", .secret, nil, "The password of that user.")
    static let redisPasswordFile = SettingKey(
        "redis.password-file", .file, nil, "A file whose first line is the password; instead of `redis.password`.")
    static let redisCAFile = SettingKey(
        "redis.ca-file", .file, nil, "PEM certificates to trust for TLS; unset: those of the system.")
    static let redisCertificateFile = SettingKey("redis.certificate-file", .file, nil, "The client certificate (PEM).")
    static let redisKeyFile = SettingKey("redis.key-file", .file, nil, "The key of the client certificate (PEM).")
    static let redisServerName = SettingKey(
        "redis.server-name", .text, nil,
        "The name that the server's certificate must carry; unset: the host of the URL.")
    static let redisPrefix = SettingKey(
        "redis.prefix", .text, "longshore", "The fleet's name in Redis: all keys begin with it, in braces.")
    static let redisReplicas = SettingKey(
        "redis.replicas", .count(0...100), "0", "How many replicas must confirm a write that has to last (`WAIT`).")
    static let redisAllowUnsafe = SettingKey(
        "redis.allow-unsafe", .flag, "false",
        "Start although Redis may forget what it acknowledged. An eviction policy other than `noeviction` is always refused."
    )

    static let apiHost = SettingKey(
        "api.host", .list, "127.0.0.1",
        "The addresses that the API listens on, of either family: `127.0.0.1,::1`; `::` is every address of both.")
    static let apiPort = SettingKey("api.port", .count(0...65535), "9292", "The port; 0 takes a free one.")
    static let apiPublicEndpoint = SettingKey(
        "api.public-endpoint", .url(["http", "https"]), nil,
        "The URL under which clients reach the API, for links; unset: taken from the request.")
    static let apiCertificateFile = SettingKey(
        "api.certificate-file", .file, nil,
        "The API's certificate with those between it and its authority (PEM): TLS; unset: plain HTTP. Read anew when it is replaced."
    )
    static let apiKeyFile = SettingKey("api.key-file", .file, nil, "The key of that certificate (PEM).")
    static let apiCORSOrigins = SettingKey(
        "api.cors-origins", .list, nil,
        "Whose pages may use the API from a browser: `https://horizon.example.org`, or `*`; unset: nobody's.")
    static let apiRateLimit = SettingKey(
        "api.rate-limit", .count(0...1_000_000), "0",
        "Requests a second that one project may make of one API process in the long run; 0: any number.")
    static let apiRateBurst = SettingKey(
        "api.rate-burst", .count(1...1_000_000), "100", "Requests that a project may make at once under that limit.")
    static let apiIdentity = SettingKey(
        "api.identity", .choice(["none", "keystone"]), "none",
        "Who vouches for users: `keystone`, or `none`: every request is an administrator's, so only loopback addresses may be listened on."
    )
    static let apiPolicy = SettingKey(
        "api.policy", .list, nil,
        "Rows of the policy that are to differ from `longshore policy`: `download_image=reader`.")
    static let apiMaxUploadBytes = SettingKey(
        "api.max-upload-bytes", .size, "1TiB", "The largest body of an upload or a staging.")
    static let apiMaxDownloads = SettingKey(
        "api.max-downloads", .count(1...65536), "256",
        "How many downloads one process serves at once, of some 3 MiB of memory each, and three quarters of them to one project; others get a 503."
    )
    static let apiClientTimeout = SettingKey(
        "api.client-timeout", .duration, "60s",
        "How long the API waits for a client in the middle of a body or an answer; it goes on waiting where a KiB came for each second."
    )
    static let apiDrainTimeout = SettingKey(
        "api.drain-timeout", .duration, "10m",
        "How long uploads, downloads and other requests that have begun may go on when the API was told to stop.")

    static let keystoneAuthURL = SettingKey(
        "keystone.auth-url", .url(["http", "https"]), nil, "Where the service asks about tokens.")
    static let keystonePublicURL = SettingKey(
        "keystone.public-url", .url(["http", "https"]), nil,
        "Where clients are told to get tokens; unset: `keystone.auth-url`.")
    static let keystoneUsername = SettingKey(
        "keystone.username", .text, nil, "The service's own user, with the role `service` in its project.")
    static let keystonePassword = SettingKey("keystone.password", .secret, nil, "The password of that user.")
    static let keystonePasswordFile = SettingKey(
        "keystone.password-file", .file, nil,
        "A file whose first line is the password; instead of `keystone.password`.")
    static let keystoneUserDomain = SettingKey(
        "keystone.user-domain", .text, "default", "The name of that user's domain; `default` is the domain of that id.")
    static let keystoneProject = SettingKey("keystone.project", .text, "service", "The name of that user's project.")
    static let keystoneProjectDomain = SettingKey(
        "keystone.project-domain", .text, "default", "The name of that project's domain; `default` as above.")
    static let keystoneApplicationCredentialID = SettingKey(
        "keystone.application-credential-id", .text, nil,
        "An application credential of the service; instead of user, password and project.")
    static let keystoneApplicationCredentialSecret = SettingKey(
        "keystone.application-credential-secret", .secret, nil, "The secret of that credential.")
    static let keystoneApplicationCredentialSecretFile = SettingKey(
        "keystone.application-credential-secret-file", .file, nil,
        "A file whose first line is the secret; instead of `keystone.application-credential-secret`.")
    static let keystoneCAFile = SettingKey(
        "keystone.ca-file", .file, nil, "PEM certificates to trust for Keystone; unset: those of the system.")
    static let keystoneTimeout = SettingKey(
        "keystone.timeout", .duration, "5s", "How long a call to Keystone may take; then the client gets a 503.")
    static let keystoneCacheTime = SettingKey(
        "keystone.cache-time", .duration, "60s",
        "How long a token that was found valid is not asked about again, and a revoked one may go on working; 0: asked each time."
    )

    static let workerConcurrency = SettingKey(
        "worker.concurrency", .count(1...1024), "4", "How many imports one worker runs at once.")
    static let workerDrainTimeout = SettingKey(
        "worker.drain-timeout", .duration, "30s",
        "How long a worker that was told to stop may take to give its imports back.")
    static let workerStallTimeout = SettingKey(
        "worker.stall-timeout", .duration, "120s",
        "How long an attempt, or one call of a store, may move no byte before it ends; eight times as long in a commit."
    )

    static let leaseDuration = SettingKey(
        "lease.duration", .duration, "30s", "How long a silent attempt is left alone.")
    static let leaseBeat = SettingKey("lease.beat", .duration, "5s", "How often an attempt beats.")
    static let leaseMargin = SettingKey(
        "lease.margin", .duration, "8s", "How long before the end of its own lease an attempt stops writing.")
    static let leaseStealAfter = SettingKey(
        "lease.steal-after", .duration, "30m",
        "How long a holder must have been silent before a new import may take its lock.")
    static let leasePendingStealAfter = SettingKey(
        "lease.pending-steal-after", .duration, "2h",
        "How long a task that nobody claimed keeps its lock against a new import; 0: for ever.")
    static let leaseMaxAttempts = SettingKey(
        "lease.max-attempts", .count(1...1000), "5", "How many attempts may fail before the task does.")
    static let leaseDeadline = SettingKey(
        "lease.deadline", .duration, "24h", "By when, counted from its creation, a task must have ended.")
    static let leaseRetention = SettingKey(
        "lease.retention", .duration, "48h", "How long finished tasks can be read.")
    static let leaseGarbageGrace = SettingKey(
        "lease.garbage-grace", .duration, "10m",
        "How long beyond a lease an object that nothing names is kept before it is deleted.")

    static let retryBase = SettingKey("retry.base", .duration, "5s", "The longest wait after the first failure.")
    static let retryCap = SettingKey("retry.cap", .duration, "5m", "The longest wait after any failure.")

    static let sourcesAllow = SettingKey(
        "sources.allow", .list, nil,
        "Hosts and networks (CIDR) that may be fetched from although they are private or loopback addresses.")
    static let sourcesDeny = SettingKey(
        "sources.deny", .list, nil, "Hosts and networks (CIDR) that are never fetched from; stronger than allow.")
    static let sourcesSchemes = SettingKey(
        "sources.schemes", .list, "http,https", "How sources may be fetched: `http`, `https`, or both.")
    static let sourcesPorts = SettingKey(
        "sources.ports", .list, "80,443,1024-65535", "Ports that may be fetched from, and ranges of them.")
    static let sourcesRedirects = SettingKey(
        "sources.redirects", .count(0...20), "5", "How many redirects are followed.")
    static let sourcesConnections = SettingKey(
        "sources.connections", .count(1...8), "4",
        "Connections by which one source is read where one of them is slower than the import; 1: never more than one.")
    static let sourcesMaxBytes = SettingKey("sources.max-bytes", .size, "1TiB", "The largest source.")
    static let sourcesConnectTimeout = SettingKey(
        "sources.connect-timeout", .duration, "10s", "How long connecting to a source may take.")
    static let sourcesHeadersTimeout = SettingKey(
        "sources.headers-timeout", .duration, "30s",
        "How long a source may take, once it is connected to, for TLS and the headers of its answer.")
    static let sourcesMinimumRate = SettingKey(
        "sources.minimum-rate", .size, "1KiB", "Bytes that must arrive in a second, judged once in each rate-window.")
    static let sourcesRateWindow = SettingKey(
        "sources.rate-window", .duration, "60s", "For how long a source may send less than its minimum-rate.")
    static let sourcesIdleTimeout = SettingKey(
        "sources.idle-timeout", .duration, "60s", "How long a source may send nothing.")
    static let sourcesTotalTimeout = SettingKey(
        "sources.total-timeout", .duration, "24h", "How long reading a source may take as a whole.")
    static let sourcesCAFile = SettingKey(
        "sources.ca-file", .file, nil, "PEM certificates to trust for HTTPS sources; unset: those of the system.")

    static let importMethods = SettingKey(
        "import.methods", .list, "glance-direct,web-download,copy-image",
        "How images may be imported; without `glance-direct` nothing can be staged.")
    static let importKeyrings = SettingKey(
        "import.keyrings", .keyrings, nil,
        "Keyrings that imports may name for signed checksums: `name=/path`, files as `gpg --export` writes them.")
    static let importPlugins = SettingKey(
        "import.plugins", .list, nil,
        "What imports do besides, in this order; unset: nothing. `inject`: images get properties. `decompress`: compressed images are decompressed. `convert`: images are converted to one format."
    )
    static let importInject = SettingKey(
        "import.inject", .properties, nil,
        "The properties that `inject` sets: names with values, `name=value`; a comma in a value is written `\\,` there."
    )
    static let importInjectIgnoredRoles = SettingKey(
        "import.inject-ignored-roles", .list, "admin",
        "Imports that are asked for by somebody with one of these roles get no such properties.")
    static let importDecompressMaxRatio = SettingKey(
        "import.decompress.max-ratio", .count(1...1_000_000_000), "200",
        "How many bytes one compressed byte may become, in an image of more than 64 MiB.")
    static let importDecompressMaxMemory = SettingKey(
        "import.decompress.max-memory", .size, "128MiB",
        "The memory that decompressing one image may take; more is asked for by large dictionaries and windows only.")
    static let importDecompressMaxTime = SettingKey(
        "import.decompress.max-time", .duration, "4h", "The time of a processor that decompressing one image may take.")

    static let importConvertTo = SettingKey(
        "import.convert-to", .choice(["raw", "qcow2", "vmdk"]), "raw", "The format that `convert` makes of others.")
    static let importScratch = SettingKey(
        "import.scratch", .folder, "/var/tmp",
        "Where images wait while they are converted, in files without names; it needs room for them before and after.")
    static let importConvertMaxBytes = SettingKey(
        "import.convert.max-bytes", .size, "256GiB", "The largest image that is converted, and the largest result.")
    static let importConvertMaxRatio = SettingKey(
        "import.convert.max-ratio", .count(1...1_000_000_000), "200",
        "How many bytes one byte of an image may become, in a result of more than 16 GiB.")
    static let importConvertMaxMemory = SettingKey(
        "import.convert.max-memory", .size, "2GiB", "The addresses that one `qemu-img` may use; its memory is less.")
    static let importConvertMaxCPU = SettingKey(
        "import.convert.max-cpu", .duration, "1h", "The time of the processor that one conversion may take.")
    static let importConvertTimeout = SettingKey(
        "import.convert.timeout", .duration, "2h", "How long one conversion may take.")

    static let importCheckpointSize = SettingKey(
        "import.checkpoint-size", .size, "16MiB",
        "How many bytes of an import lie between two checkpoints, from which another worker goes on; 0: none are kept.")
    static let importRequireFormatMatch = SettingKey(
        "import.require-format-match", .flag, "true",
        "Refuse bytes of another format than the image is declared to be. What is dangerous is refused in any case.")

    static let stores = SettingKey(
        "stores", .stores, nil,
        "Where images are kept; `standalone` has one of its own. One is the default: the marked one, else the first that is not `read-only`."
    )
    static let stagingStore = SettingKey(
        "staging.store", .text, nil, "The id of the store that staged uploads wait in; unset: the default store.")

    static let sweepInterval = SettingKey(
        "sweep.interval", .duration, "60s", "How often a store's garbage is looked through, by one worker of the fleet."
    )
    static let sweepMaxDelete = SettingKey(
        "sweep.max-delete", .count(1...10_000_000), "1000",
        "Objects that one sweep of a store removes at most; more strays than this are left for a person to look at.")
    static let sweepMaxShare = SettingKey(
        "sweep.max-share", .share, "0.5",
        "So are more strays than this share of the objects that a listing of the store saw.")

    static let auditInterval = SettingKey(
        "audit.interval", .duration, "60s",
        "How often one process of the fleet compares tasks, images and objects with each other.")

    /// Every setting, in the order in which people should read them.
    package static let all: [SettingKey] = [
        dataDir, logLevel, logFormat,
        redisURL, redisUsername, redisPassword, redisPasswordFile, redisCAFile, redisCertificateFile, redisKeyFile,
        redisServerName, redisPrefix, redisReplicas, redisAllowUnsafe,
        apiHost, apiPort, apiPublicEndpoint, apiCertificateFile, apiKeyFile, apiCORSOrigins, apiRateLimit,
        apiRateBurst, apiIdentity, apiPolicy, apiMaxUploadBytes,
        apiMaxDownloads, apiClientTimeout, apiDrainTimeout,
        keystoneAuthURL, keystonePublicURL, keystoneUsername, keystonePassword, keystonePasswordFile,
        keystoneUserDomain, keystoneProject, keystoneProjectDomain, keystoneApplicationCredentialID,
        keystoneApplicationCredentialSecret, keystoneApplicationCredentialSecretFile, keystoneCAFile, keystoneTimeout,
        keystoneCacheTime,
        workerConcurrency, workerDrainTimeout, workerStallTimeout,
        leaseDuration, leaseBeat, leaseMargin, leaseStealAfter, leasePendingStealAfter, leaseMaxAttempts, leaseDeadline,
        leaseRetention, leaseGarbageGrace, retryBase, retryCap,
        sourcesAllow, sourcesDeny, sourcesSchemes, sourcesPorts, sourcesRedirects, sourcesConnections, sourcesMaxBytes,
        sourcesConnectTimeout,
        sourcesHeadersTimeout, sourcesIdleTimeout, sourcesMinimumRate, sourcesRateWindow, sourcesTotalTimeout,
        sourcesCAFile,
        importMethods, importRequireFormatMatch, importCheckpointSize, importKeyrings, importPlugins, importInject,
        importInjectIgnoredRoles, importDecompressMaxRatio, importDecompressMaxMemory, importDecompressMaxTime,
        importConvertTo, importScratch, importConvertMaxBytes, importConvertMaxRatio, importConvertMaxMemory,
        importConvertMaxCPU, importConvertTimeout,
        stores, stagingStore, sweepInterval, sweepMaxDelete, sweepMaxShare,
        auditInterval,
    ]

    /// Every setting with its default and what it does, for a terminal.
    package static func helpText() -> String {
        all.map { key in
            let fallback = key.fallback.map { "default \($0)" } ?? "unset by default"
            return "\(key.name)  (\(fallback); \(key.environmentName))\n    \(key.help)\n"
        }.joined()
    }
}

import Identity
import ImageAPI
import ImageStorage
import ImportModel
import ImportPipeline
import ImportWorker
import LeaseStore
import Logging
import NIOCore
import Operations

extension Node {
    /// The HTTP service over this process's parts.
    /// - Parameter verifier: `nil`: nobody is asked who users are.
    func apiService(_ verifier: (any TokenVerifier)?) throws -> ImageService {
        guard let defaultStore = settings.defaultStore?.id else {
            throw InvalidValue("no store is the default; set 'default: true' for one of them")
        }
        var parts = ImageService.Parts(
            leaseStore: store,
            stores: zip(storages, settings.stores).map { storage, store in
                ImageService.Store(
                    storage: storage, description: store.description, weight: store.weight,
                    properties: store.properties)
            },
            defaultStore: defaultStore, stagingStore: settings.stagingStore ?? defaultStore, sources: policy,
            uploads: LeasedUploads(
                attempt: UploadAttempt(
                    store: store, beats: beats, process: identity.id, threads: digestThreads,
                    maxBytes: settings.api.maxUploadBytes, stall: settings.worker.stallTimeout,
                    mustMatchFormat: settings.imports.requireFormatMatch,
                    logger: logger),
                storages: storages, ready: stores.ready))
        if let verifier { parts.authenticator = VerifiedAuthentication(verifier: verifier) }
        parts.methods = settings.imports.methods
        parts.stall = settings.worker.stallTimeout
        parts.policy = settings.api.policy
        parts.keyrings = Set(settings.imports.keyrings.keys)
        parts.injection = settings.imports.injection
        let metrics = metrics
        parts.observeRequest = { method, route, status, took in
            metrics.histogram(.httpRequest, ["method": method, "route": route, "status": String(status)]).observe(took)
        }
        parts.renderProcessMetrics = { metrics.render() }
        let logger = logger
        var configuration = ImageService.Configuration(
            hosts: settings.api.hosts, port: settings.api.port, publicEndpoint: settings.api.publicEndpoint,
            maxUploadBytes: settings.api.maxUploadBytes)
        if let certificate = settings.api.certificateFile, let key = settings.api.keyFile {
            configuration.certificate = try ServerCertificate(certificateFile: certificate, keyFile: key)
        }
        configuration.corsOrigins = Set(settings.api.corsOrigins)
        if settings.api.rateLimit > 0 {
            configuration.rate = (perSecond: settings.api.rateLimit, burst: settings.api.rateBurst)
        }
        let isSecure = configuration.certificate != nil
        configuration.maxDownloads = settings.api.maxDownloads
        configuration.limits.client = settings.api.clientTimeout
        configuration.drainTimeout = settings.api.drainTimeout
        return ImageService(
            configuration: configuration, parts: parts, logger: logger,
            onListening: { host, port in
                logger.notice("listening", metadata: ["host": "\(host)", "port": "\(port)", "tls": "\(isSecure)"])
            })
    }
}

/// Uploads and stagings of the API, carried out under a worker's lease.
private struct LeasedUploads: UploadRunner {
    let attempt: UploadAttempt
    let storages: [any ImageStorage]
    let ready: ReadyStores

    func run<Body: AsyncSequence & Sendable>(
        kind: TaskKind, image: ImageRecord, task: NewTask, store: StoreID, body: Body, expectedBytes: Int64?
    ) async throws -> UploadResult where Body.Element == ByteBuffer {
        guard let storage = storages.first(where: { $0.id == store }) else {
            return .failed(UploadFailure(kind: .unavailable, reason: "this process has no store '\(store)'"))
        }
        guard ready.ids.contains(store) else {
            let reason = "store '\(store)' was down when this process started, and has not been found since"
            return .failed(UploadFailure(kind: .unavailable, reason: reason))
        }
        let result = try await attempt.run(
            kind, of: image, task, into: storage, body: body, expectedBytes: expectedBytes)
        switch result {
        case .published: return .published
        case .refused(let reply): return .refused(reply)
        case .lost(let lost): return .lost(lost)
        case .failed(let error): return .failed(Self.failure(error))
        }
    }

    private static func failure(_ error: any Error) -> UploadFailure {
        switch error {
        case let failure as UploadFailure: failure
        case PipelineError.tooLarge, PipelineError.tooLong:
            UploadFailure(kind: .tooLarge, reason: "\(error)")
        case PipelineError.refusedFormat: UploadFailure(kind: .formatRefused, reason: "\(error)")
        case PipelineError.tooShort: UploadFailure(kind: .interrupted, reason: "\(error)")
        case PipelineError.storage(_, .full), StorageError.full:
            UploadFailure(kind: .storeFull, reason: "\(error)")
        case is PipelineError, is StorageError, is LeaseStoreError:
            UploadFailure(kind: .unavailable, reason: "\(error)")
        case is InvalidValue: UploadFailure(kind: .interrupted, reason: "\(error)")
        default: UploadFailure(kind: .clientGone, reason: "\(error)")
        }
    }
}

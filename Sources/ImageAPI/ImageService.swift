import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ImageCatalog
package import ImageStorage
package import ImportModel
package import LeaseStore
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
package import WebSource

/// The HTTP service: the Image API v2, the fleet API, health and metrics.
///
/// Stops gracefully: no connection is taken any more, streams of events end, and what is being answered is answered,
/// uploads and downloads to their end, if that comes within `drainTimeout`.
package struct ImageService: Service {
    /// A store as the service offers it.
    package struct Store: Sendable {
        package let storage: any ImageStorage
        package let description: String
        /// Images are read from the store of the greatest weight that has them.
        package let weight: Int
        /// What administrators may know of it.
        package let properties: [String: String]

        package init(
            storage: any ImageStorage, description: String = "", weight: Int = 0, properties: [String: String] = [:]
        ) {
            self.storage = storage
            self.description = description
            self.weight = weight
            self.properties = properties
        }

        var id: StoreID { storage.id }
    }

    package struct Configuration: Sendable {
        /// At least one.
        package var hosts: [String]
        /// Of each host. 0: a free one; `onListening` tells which.
        package var port: Int
        /// `nil`: without TLS.
        package var certificate: ServerCertificate?
        /// How often it is looked whether the certificate was replaced.
        package var certificateInterval: Duration = .seconds(10)
        /// Whose pages may use the API from browsers.
        package var corsOrigins: Set<String> = []
        /// Requests of each project; `nil`: any number.
        package var rate: (perSecond: Int, burst: Int)?
        /// How clients reach the service, where that is not the address they used; without a slash at its end.
        package var publicEndpoint: String?
        /// Uploads beyond this are refused.
        package var maxUploadBytes: Int64
        /// How long a request sits out an outage of Redis.
        package var patience: Duration = .seconds(5)
        /// How long what was begun may take when the service stops; then it is cut off.
        package var drainTimeout: Duration = .seconds(600)
        /// Downloads beyond this many at once are told to come again later.
        package var maxDownloads = 256
        package var limits = ConnectionLimits()

        package init(hosts: [String], port: Int, publicEndpoint: String? = nil, maxUploadBytes: Int64 = 1 << 40) {
            self.hosts = hosts
            self.port = port
            self.publicEndpoint = publicEndpoint
            self.maxUploadBytes = maxUploadBytes
        }
    }

    /// What the service works with; chosen by whoever composes the process.
    package struct Parts: Sendable {
        package var leaseStore: LeaseStore
        package var stores: [Store]
        package var defaultStore: StoreID
        /// Where `PUT stage` puts bytes.
        package var stagingStore: StoreID
        package var sources: SourcePolicy
        /// How images may be imported, in the order in which it is told.
        package var methods = ImportMethod.allCases
        /// Names of keyrings that imports may ask for.
        package var keyrings: Set<String> = []
        /// What imports set on their images besides.
        package var injection = MetadataInjection.none
        package var uploads: any UploadRunner
        /// How long a download waits for a store that gives nothing.
        package var stall: Duration = .seconds(120)
        package var authenticator: any Authenticator = NoAuthentication()
        package var policy = Policy()
        package var observeRequest:
            @Sendable (_ method: String, _ route: String, _ status: Int, _ took: Duration) -> Void = { _, _, _, _ in }
        /// Prometheus text of this process's own figures.
        package var renderProcessMetrics: @Sendable () -> String = { "" }

        package init(
            leaseStore: LeaseStore, stores: [Store], defaultStore: StoreID, stagingStore: StoreID,
            sources: SourcePolicy, uploads: any UploadRunner
        ) {
            self.leaseStore = leaseStore
            self.stores = stores
            self.defaultStore = defaultStore
            self.stagingStore = stagingStore
            self.sources = sources
            self.uploads = uploads
        }
    }

    private let configuration: Configuration
    private let parts: Parts
    private let logger: Logger
    private let onListening: @Sendable (_ host: String, _ port: Int) -> Void

    /// - Parameter onListening: told a host and its port once requests are taken there.
    package init(
        configuration: Configuration, parts: Parts, logger: Logger,
        onListening: @escaping @Sendable (_ host: String, _ port: Int) -> Void = { _, _ in }
    ) {
        self.configuration = configuration
        self.parts = parts
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until the task is cancelled or a graceful shutdown is over.
    /// - Throws: `ListeningFailed`
    package func run() async throws {
        let drain = DrainState()
        let events = EventHub(store: parts.leaseStore, logger: logger)
        let connections = OpenConnections()
        let (limits, logger) = (configuration.limits, logger)
        let refuse = UnreadRequests(observe: parts.observeRequest, logger: logger)
        let responder = VersionedPaths(next: router(drain: drain, events: events).buildResponder())
        let (port, certificate) = (configuration.port, configuration.certificate)
        let listeners = configuration.hosts.map { host in
            Listener(
                host: host, port: port,
                application: Application(
                    responder: responder,
                    server: HTTPServerBuilder { responder in
                        GuardedChannel(
                            responder: responder, limits: limits, connections: connections, refuse: refuse,
                            certificate: certificate)
                    },
                    configuration: ApplicationConfiguration(
                        address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                        availableConnectionsDelegate: MaximumAvailableConnections(
                            max(1, Self.connectionLimit / configuration.hosts.count))),
                    onServerRunning: { [onListening] channel in onListening(host, channel.localAddress?.port ?? port) },
                    logger: logger))
        }
        var services: [any Service] = [events]
        if let certificate {
            services.append(
                CertificateWatch(
                    certificate: certificate, interval: configuration.certificateInterval, logger: logger))
        }
        services += listeners
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
                logger: logger))
        defer { connections.end() }
        try await withGracefulShutdownHandler {
            try await group.run()
        } onGracefulShutdown: {
            drain.begin()
            connections.stop(within: configuration.drainTimeout, on: MultiThreadedEventLoopGroup.singleton.any())
        }
    }

    /// Half of the descriptors that the process may open: what it does for its clients needs the others.
    private static var connectionLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
        return Int(clamping: max(limit.rlim_cur / 2, 16))
    }

    private func router(drain: DrainState, events: EventHub) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        router.add(middleware: RequestIDMiddleware())
        router.add(middleware: AccessLogMiddleware(observe: parts.observeRequest))
        if !configuration.corsOrigins.isEmpty {
            router.add(middleware: CORSMiddleware(origins: configuration.corsOrigins))
        }
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: StrictPathMiddleware())
        router.add(middleware: AuthenticationMiddleware(authenticator: parts.authenticator, policy: parts.policy))
        if let rate = configuration.rate {
            let limiter = RateLimiter(perSecond: rate.perSecond, burst: rate.burst)
            router.add(middleware: RateLimitMiddleware(limiter: limiter))
        }
        routes(on: router, drain: drain, events: events).refuseOtherMethods()
        return router
    }

    /// Every path that is served, and by which methods.
    var routes: [String: Set<HTTPRequest.Method>] {
        let events = EventHub(store: parts.leaseStore, logger: logger)
        return routes(on: Router(context: APIContext.self), drain: DrainState(), events: events).methods
    }

    private func routes(on router: Router<APIContext>, drain: DrainState, events: EventHub) -> RouteTable {
        let catalog = Catalog(store: parts.leaseStore, patience: configuration.patience)
        let shelf = StoreShelf(
            stores: parts.stores, defaultStore: parts.defaultStore, stagingStore: parts.stagingStore)
        let address = ServiceAddress(
            publicEndpoint: configuration.publicEndpoint, isSecure: configuration.certificate != nil)
        var routes = RouteTable(router: router)
        DiscoveryController(address: address, shelf: shelf, methods: parts.methods).add(to: &routes)
        ImagesController(catalog: catalog, address: address, shelf: shelf, methods: parts.methods).add(to: &routes)
        MembersController(catalog: catalog).add(to: &routes)
        ImportController(
            catalog: catalog, store: parts.leaseStore, shelf: shelf, methods: parts.methods, sources: parts.sources,
            keyrings: parts.keyrings, injection: parts.injection, patience: configuration.patience
        ).add(to: &routes)
        DataController(
            catalog: catalog, shelf: shelf, uploads: parts.uploads, maxUploadBytes: configuration.maxUploadBytes,
            stall: parts.stall, slots: DownloadSlots(configuration.maxDownloads),
            canStage: parts.methods.contains(.glanceDirect)
        ).add(to: &routes)
        ProvenanceController(catalog: catalog, store: parts.leaseStore).add(to: &routes)
        TasksController(catalog: catalog, store: parts.leaseStore).add(to: &routes)
        FleetController(store: parts.leaseStore, shelf: shelf, patience: configuration.patience).add(to: &routes)
        FleetTasksController(
            store: parts.leaseStore, shelf: shelf, methods: parts.methods, injection: parts.injection,
            patience: configuration.patience
        ).add(to: &routes)
        EventsController(store: parts.leaseStore, hub: events).add(to: &routes)
        HealthController(
            store: parts.leaseStore, shelf: shelf, drain: drain, renderProcessMetrics: parts.renderProcessMetrics
        ).add(to: &routes)
        return routes
    }
}

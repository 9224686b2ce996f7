import Identity
import ImageAPI
import ImageStorage
import ImportModel
import ImportPipeline
import ImportWorker
import Logging
import NIOCore
import Operations
import Publisher
import ServiceLifecycle
import UnixSignals

/// What a process is in the fleet.
enum Role: String, Sendable {
    case api, worker, standalone

    var serves: Bool { self != .worker }
    var works: Bool { self != .api }
}

extension Node {
    /// Runs everything that a process of this role runs, until a signal or a failure ends it; then closes the node.
    ///
    /// - Parameter first: what the others need, and what therefore stops last.
    func run(_ role: Role, after first: [any Service] = []) async throws {
        do {
            // They stop in the reverse order: the API takes no more requests, the worker gives back what it runs, and
            // the process is known to the fleet until then.
            var services = first
            let claimLoop = role.works ? claimLoop() : nil
            let concurrency = claimLoop == nil ? 0 : settings.worker.concurrency
            services.append(try await presence(role, concurrency: concurrency))
            services.append(
                Recoverer(store: store, identity: identity, logger: logger, onWorkWaiting: { claimLoop?.look() }))
            services.append(
                // Who has the stores to itself looks for their objects: the workers.
                Auditor(
                    store: store, storages: role.works ? storages : [], every: settings.audit.interval, logger: logger))
            if let claimLoop {
                services += [sweeper(), BoundedStop(of: claimLoop, within: settings.worker.drainTimeout)]
            }
            if role.serves {
                let verifier = try settings.tokenVerifier(logger: logger)
                await report(verifier)
                services.append(try apiService(verifier))
            }
            try await run(services, role)
        } catch let error as ListeningFailed {
            await close()
            throw InvalidValue(
                "the API cannot listen on \(error.host):\(error.port) (\(error.cause)); stop what listens there, or "
                    + "choose another address with --port or api.host")
        } catch {
            await close()
            throw error
        }
        await close()
        logger.notice("\(role) has stopped")
    }

    /// What was cut off at its bound still tells Redis of it.
    private static let stopMargin: Duration = .seconds(10)

    /// Says at start whether tokens can be checked. Whoever vouches for users may come up later than this process.
    private func report(_ verifier: (any TokenVerifier)?) async {
        guard let verifier else { return }
        do {
            let finding = try await verifier.check()
            logger.info("\(finding)")
        } catch {
            logger.error("tokens cannot be checked", metadata: ["cause": "\(error)"])
        }
    }

    private func run(_ services: [any Service], _ role: Role) async throws {
        var configuration = ServiceGroupConfiguration(
            // What fails takes the others down in order, so that running imports are given back.
            services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // For what keeps to no bound of its own: the API and the worker stop one after the other.
        configuration.maximumGracefulShutdownDuration =
            (role.works ? settings.worker.drainTimeout : .zero) + (role.serves ? settings.api.drainTimeout : .zero)
            + Self.stopMargin
        logger.notice(
            role == .worker ? "worker is ready" : "\(role) is starting",
            metadata: [
                "process": "\(identity.id)", "version": "\(Version.current)", "catalog": "\(catalogID)",
                "stores": "\(stores.ready.ids.map(\.rawValue).joined(separator: ","))",
                "absent-stores": "\(stores.absent.map(\.rawValue).joined(separator: ","))",
            ])
        try await ServiceGroup(configuration: configuration).run()
    }

    private func presence(_ role: Role, concurrency: Int) async throws -> Presence {
        let presence = Presence(
            store: store,
            record: identity.record(
                role: role.rawValue, version: Version.current, concurrency: concurrency, stores: stores.ready.ids,
                startedAt: startedAt),
            stores: stores.ready, logger: logger)
        try await presence.announce()
        return presence
    }

    private func claimLoop() -> ClaimLoop {
        var limits = AttemptRunner.Limits()
        limits.retry = settings.retry
        limits.stall = settings.worker.stallTimeout
        limits.order = settings.readingOrder
        limits.maxBytes = settings.sources.maxBytes
        limits.mustMatchFormat = settings.imports.requireFormatMatch
        limits.checkpointBytes = settings.imports.checkpointBytes
        if settings.imports.plugins.contains(.decompress) {
            var decompression = DecompressionLimits()
            decompression.maxRatio = Int64(settings.imports.decompressMaxRatio)
            decompression.maxMemoryBytes = settings.imports.decompressMaxMemoryBytes
            decompression.maxTime = settings.imports.decompressMaxTime
            limits.decompression = decompression
        }
        let runner = AttemptRunner(
            store: store, beats: beats, storages: storages, source: source,
            signatures: SignatureVerifier(keyrings: settings.imports.keyrings), converter: converter,
            threads: digestThreads, limits: limits, logger: logger)
        return ClaimLoop(
            store: store, runner: runner, process: identity.id, stores: stores.ready,
            concurrency: settings.worker.concurrency, logger: logger)
    }

    private func sweeper() -> Sweeper {
        var limits = Sweeper.Limits()
        limits.maxDelete = settings.sweep.maxDelete
        limits.maxShare = settings.sweep.maxShare
        limits.interval = settings.sweep.interval
        let open = storages.filter { !$0.isReadOnly }
        return Sweeper(store: store, storages: open, catalogID: catalogID, limits: limits, logger: logger)
    }
}

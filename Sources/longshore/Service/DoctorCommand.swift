import ArgumentParser
import Foundation
import Identity
import ImageAPI
import ImageConversion
import ImageStorage
import ImportModel
import LeaseStore
import LongshoreClient
import Logging
import NIOPosix
import Operations
import Publisher
import RedisClient
import S3Storage

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is wrong with a configuration, its Redis and its stores, and how to mend it.",
        discussion: """
            Exits with 1 when something must be mended, with 2 when the configuration cannot be read.

            With --deep it also looks at every task, image and object of the fleet, as the fleet itself does a part a \
            minute: what breaks an invariant is counted, repaired where that is safe, and makes it exit with 1. \
            It can be run at any time.

            Examples:
              longshore doctor --config /etc/longshore/longshore.yaml
              longshore doctor --deep
              longshore doctor --deep --read all
              longshore doctor --settings
              longshore doctor --release-store main
            """)

    @OptionGroup var options: SettingsOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print every setting in force and where it comes from, with secrets masked, and check nothing.")
    var settings = false

    @Flag(help: "Also check that the API's port is free, as before a first start.")
    var beforeStart = false

    @Flag(help: "Also look whether the invariants hold of everything in Redis and in the stores.")
    var deep = false

    @Option(
        help: ArgumentHelp(
            "With --deep, read the bytes of so many images, chosen by chance, or of all, and compare their digests. "
                + "Default: 0, sizes only.", valueName: "count|all"))
    var read: DeepCheck.Reading?

    @Option(
        help: ArgumentHelp(
            "Let the sweeper delete again in a store that it holds, and check nothing else. Where the store belongs to "
                + "another catalog than Redis has, name that one too: ID=CATALOG.", valueName: "id"))
    var releaseStore: String?

    func validate() throws {
        if read != nil, !deep { throw ValidationError("--read goes with --deep.") }
    }

    func run() async throws {
        try await ServiceExit.reporting {
            let loaded = try options.load()
            if settings {
                print(loaded.describe(), terminator: "")
                return
            }
            LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
            if let releaseStore {
                print(try await StoreMarkers(settings: loaded).release(releaseStore))
                return
            }
            let report = await Doctor(checks: try checks(loaded)).examine()
            print(json ? try report.json() : report.text(), terminator: json ? "\n" : "")
            let deepCode = deep ? try await lookDeep(loaded) : 0
            if max(report.exitCode, deepCode) != 0 { throw ExitCode(max(report.exitCode, deepCode)) }
        }
    }

    /// Prints what the invariants are like, behind the checks; as JSON, on a line of its own. Returns the exit code.
    private func lookDeep(_ settings: Settings) async throws -> Int32 {
        let console = Console()
        let check = DeepCheck(settings: settings, reading: read ?? .some(0)) { await console.note($0) }
        let report = try await check.run()
        print(json ? try JSONLine.text(report) : "\n" + report.lines(console.paint).joined(separator: "\n"))
        return report.exitCode
    }

    private func checks(_ settings: Settings) throws -> [Check] {
        var checks = [Check.openFilesLimit(), Check.clock()]
        if beforeStart {
            checks += settings.api.hosts.map { .portFree(host: $0, port: settings.api.port) }
        }
        if let certificate = settings.api.certificateFile, let key = settings.api.keyFile {
            checks.append(Check("certificate") { Self.examineCertificate(certificate, key) })
        }
        if settings.api.identity != "none" {
            checks.append(Check("identity") { await Self.examineIdentity(settings) })
        }
        checks.append(Check("redis") { await Self.examineRedis(settings) })
        for store in settings.stores where store.isReadOnly {
            checks.append(Check("store \(store.id)") { await Self.examineClosed(store, settings) })
        }
        for store in settings.stores where !store.isReadOnly {
            switch store.place {
            case .filesystem(let path): checks.append(.writableFolder("store \(store.id)", path: path))
            case .s3(let place):
                checks.append(Check("store \(store.id)") { await Self.examineBucket(store.id, place) })
            }
        }
        for store in settings.stores {
            checks.append(Check("marker of \(store.id)") { await StoreMarkers(settings: settings).examine(store) })
        }
        if !settings.imports.keyrings.isEmpty {
            checks.append(Check("signatures") { Self.examineSignatures(settings) })
        }
        if let conversion = settings.imports.conversion {
            checks.append(.writableFolder("scratch", path: conversion.scratch))
            checks.append(Check("conversion") { await Self.examineConverter(conversion) })
        }
        if settings.stores.isEmpty {
            checks.append(
                Check("stores") {
                    .failure("no store is configured", remedy: "add one under 'stores', or with --store")
                })
        }
        return checks
    }

    private static func examineClosed(_ store: StoreSettings, _ settings: Settings) async -> CheckResult {
        do {
            try await settings.withStorage(store) { storage in try await storage.check() }
            return .ok("can be read; it is configured as read-only")
        } catch {
            return .failure("\(error)", remedy: "let the service's user read it, or leave it out")
        }
    }

    private static func examineBucket(_ id: StoreID, _ place: S3Place) async -> CheckResult {
        do {
            let storage = try S3Storage(id: id, configuration: S3Configuration(place), threads: .singleton)
            do {
                let findings = try await storage.probe()
                await storage.close()
                return .ok("bucket \(place.bucket) can be used; \(findings)")
            } catch {
                await storage.close()
                throw error
            }
        } catch {
            return .failure("\(error)", remedy: "see docs/s3.md for settings and rights")
        }
    }

    private static func examineIdentity(_ settings: Settings) async -> CheckResult {
        do {
            guard let verifier = try settings.tokenVerifier(logger: Logger(label: "longshore.doctor")) else {
                return .ok("nobody is asked")
            }
            return .ok(try await verifier.check())
        } catch {
            return .failure("\(error)", remedy: "see docs/identity.md")
        }
    }

    private static func examineCertificate(_ certificateFile: String, _ keyFile: String) -> CheckResult {
        do throws(InvalidValue) {
            _ = try ServerCertificate(certificateFile: certificateFile, keyFile: keyFile)
            let end = Date(timeIntervalSince1970: Double(try ServerCertificate.expiry(of: certificateFile)))
            let text = "\(certificateFile) is good until \(end.formatted(.iso8601))"
            let days = end.timeIntervalSinceNow / 86_400
            if days <= 0 { return .failure("\(text), which is past", remedy: "put a new pair in the place of the old") }
            return days < 14 ? .warning(text, remedy: "renew it; it is read anew without a restart") : .ok(text)
        } catch {
            return .failure(error.message, remedy: "mend api.certificate-file and api.key-file")
        }
    }

    private static func examineSignatures(_ settings: Settings) -> CheckResult {
        let names = settings.imports.keyrings.keys.sorted().joined(separator: ", ")
        guard let program = SignatureVerifier.installed else {
            return .failure("there is no gpgv for the keyrings \(names)", remedy: "install gpgv")
        }
        return .ok("\(program), with the keyrings \(names)")
    }

    private static func examineConverter(_ conversion: Settings.Conversion) async -> CheckResult {
        do {
            let (version, networkError) = try await ImageConverter(conversion, threads: .singleton).probe()
            guard let networkError else { return .ok("\(version), without a network") }
            return .warning(
                "\(version); it could reach the network (\(networkError))",
                remedy: "let the worker make user namespaces, or accept that; see docs/operations.md")
        } catch {
            return .failure("\(error)", remedy: "install qemu-utils on every worker")
        }
    }

    private static func examineRedis(_ settings: Settings) async -> CheckResult {
        do {
            return judge(try await settings.withCatalog { try await $0.examineServer() }, settings)
        } catch {
            return .failure("\(error)", remedy: "start Redis, or correct redis.url, user and password")
        }
    }

    private static func judge(_ findings: [ServerFinding], _ settings: Settings) -> CheckResult {
        let texts = findings.map(\.text).joined(separator: "; ")
        if findings.isEmpty { return .ok("writes to the disk before it answers, evicts nothing") }
        if findings.contains(where: { $0.severity == .fatal }) {
            return .failure(texts, remedy: "set what is named, here and in redis.conf; deploy/redis.conf is an example")
        }
        if findings.contains(where: { $0.severity == .unsafe }), !settings.redis.allowUnsafe {
            return .failure(texts, remedy: "set what is named, or redis.allow-unsafe to take the risk")
        }
        return .warning(texts, remedy: "see docs/operations.md")
    }
}

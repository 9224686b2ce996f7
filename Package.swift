// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

// Products of other packages, named once.
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioFoundation: Target.Dependency = .product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "longshore",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "longshore", targets: ["longshore"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", .upToNextMinor(from: "2.101.2")),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", .upToNextMinor(from: "2.37.6")),
        .package(url: "https://github.com/apple/swift-nio-extras.git", .upToNextMinor(from: "1.35.2")),
        .package(url: "https://github.com/swift-server/async-http-client.git", .upToNextMinor(from: "1.37.0")),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", .upToNextMinor(from: "2.28.1"),
            traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-http-types.git", .upToNextMinor(from: "1.8.0")),
        .package(url: "https://github.com/apple/swift-log.git", .upToNextMinor(from: "1.16.2")),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", .upToNextMinor(from: "2.13.0")),
        .package(url: "https://github.com/apple/swift-argument-parser.git", .upToNextMinor(from: "1.8.2")),
        .package(
            url: "https://github.com/apple/swift-configuration.git", .upToNextMinor(from: "1.4.0"),
            traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto.git", .upToNextMinor(from: "4.5.2")),
        .package(url: "https://github.com/jpsim/Yams.git", .upToNextMinor(from: "6.2.2")),
    ],
    targets: [
        // Layer 0: values, and the doors to C libraries.
        .systemLibrary(name: "CHiredis"),
        .target(name: "CDigest"),
        .target(name: "CFile"),
        .target(name: "CProcess"),
        .target(name: "CDecompress"),
        .target(name: "ImportModel", swiftSettings: settings),
        // Layer 1: one concern each, knowing nothing of the others.
        .target(
            name: "RedisClient", dependencies: ["CHiredis", nioCore, nioPosix, nioSSL, logging],
            swiftSettings: settings),
        .target(name: "DiskImage", swiftSettings: settings),
        .target(name: "HTTPStatusCheck", dependencies: [nioCore, nioHTTP1], swiftSettings: settings),
        .target(name: "ImageStorage", dependencies: ["ImportModel", nioCore], swiftSettings: settings),
        .target(
            name: "WebSource", dependencies: ["ImportModel", nioCore, nioPosix, nioHTTP1, nioSSL],
            swiftSettings: settings),
        .target(name: "ChildProcess", dependencies: ["CProcess"], swiftSettings: settings),
        // Layer 2: the protocol, adapters, the pipeline.
        .target(
            name: "LeaseStore", dependencies: ["ImportModel", "RedisClient"],
            resources: [.embedInCode("Scripts")], swiftSettings: settings),
        .target(name: "Publisher", dependencies: ["ChildProcess", "ImportModel", nioPosix], swiftSettings: settings),
        .target(
            name: "ImageConversion", dependencies: ["ChildProcess", "ImageStorage", "ImportModel", nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "FilesystemStorage", dependencies: ["CFile", "ImportModel", "ImageStorage", nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "ImportPipeline",
            dependencies: ["CDecompress", "CDigest", "DiskImage", "ImportModel", "ImageStorage", nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "S3Storage",
            dependencies: [
                "CDigest", "HTTPStatusCheck", "ImageStorage", "ImportModel", asyncHTTPClient, nioCore, nioFoundation,
                nioHTTP1, nioPosix, nioSSL,
            ], swiftSettings: settings),
        .target(
            name: "Identity",
            dependencies: [
                "HTTPStatusCheck", "ImportModel", asyncHTTPClient, crypto, logging, nioCore, nioFoundation, nioHTTP1,
                nioPosix, nioSSL,
            ], swiftSettings: settings),
        // Layer 3: images as users see them.
        .target(name: "ImageCatalog", dependencies: ["ImportModel", "LeaseStore"], swiftSettings: settings),
        // Layer 4: what processes do.
        .target(
            name: "ImportWorker",
            dependencies: [
                "ImageConversion", "ImageStorage", "ImportModel", "ImportPipeline", "LeaseStore", "Publisher",
                "WebSource", lifecycle, logging, nioCore, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "ImageAPI",
            dependencies: [
                "ImageCatalog", "ImageStorage", "ImportModel", "ImportPipeline", "LeaseStore", "WebSource", httpTypes,
                hummingbird, hummingbirdCore, lifecycle, logging, nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1,
                nioPosix, nioSSL,
            ], resources: [.embedInCode("OpenAPI.json")], swiftSettings: settings),
        .target(
            name: "LongshoreClient",
            dependencies: [
                "DiskImage", "HTTPStatusCheck", "ImportModel", asyncHTTPClient, nioCore, nioFoundation, nioHTTP1,
                nioPosix, nioSSL,
            ], swiftSettings: settings),
        .target(
            name: "Operations", dependencies: ["ImportModel", configuration, logging, yams], swiftSettings: settings),
        // Layer 5: composition.
        .executableTarget(
            name: "longshore",
            dependencies: [
                "CProcess", "ChildProcess", "FilesystemStorage", "Identity", "ImageAPI", "ImageCatalog",
                "ImageConversion", "ImageStorage", "ImportModel",
                "ImportPipeline", "ImportWorker", "LeaseStore", "LongshoreClient", "Operations", "Publisher",
                "RedisClient", "S3Storage", "WebSource",
                argumentParser, lifecycle, logging, nioCore, nioPosix, unixSignals,
            ], swiftSettings: settings),

        // Tests mirror the sources.
        .target(
            name: "TestSupport", dependencies: ["RedisClient", logging, nioCore, nioPosix, nioHTTP1, nioSSL],
            path: "Tests/TestSupport", swiftSettings: settings),
        .target(
            name: "FaultProxy", dependencies: ["RedisClient", nioCore, nioPosix], path: "Tests/FaultProxy",
            swiftSettings: settings),
        .testTarget(
            name: "FaultProxyTests",
            dependencies: ["FaultProxy", "RedisClient", "TestSupport", nioCore], swiftSettings: settings),
        .target(
            name: "StorageConformance", dependencies: ["ImageStorage", "ImportModel", "TestSupport", nioCore],
            path: "Tests/StorageConformance", swiftSettings: settings),
        .target(name: "ProtocolModel", path: "Tests/ProtocolModel", swiftSettings: settings),
        .executableTarget(
            name: "longshore-model", dependencies: ["ProtocolModel"], path: "Tests/ModelChecker",
            swiftSettings: settings),
        .testTarget(name: "ProtocolModelTests", dependencies: ["ProtocolModel"], swiftSettings: settings),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["ImportModel", "LeaseStore", "ProtocolModel", "RedisClient", "TestSupport"],
            swiftSettings: settings),
        .executableTarget(
            name: "data-path-limit", path: "Tests/DataPathLimit", linkerSettings: [.linkedLibrary("crypto")]),
        .executableTarget(
            name: "longshore-bench",
            dependencies: [
                "data-path-limit", "ImageCatalog", "ImportModel", "LeaseStore", "LongshoreClient", "RedisClient",
                "TestSupport", argumentParser, hummingbird, logging, nioCore, nioHTTP1, nioPosix,
            ], path: "Tests/Bench", swiftSettings: settings),
        .target(
            name: "DiskImageSamples", dependencies: ["TestSupport"], path: "Tests/DiskImageSamples",
            swiftSettings: settings),
        .testTarget(
            name: "DiskImageTests", dependencies: ["DiskImage", "DiskImageSamples"], swiftSettings: settings),
        .testTarget(
            name: "FilesystemStorageTests",
            dependencies: [
                "FilesystemStorage", "ImageStorage", "ImportModel", "StorageConformance", "TestSupport", nioCore,
                nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "CHiredis", "DiskImage", "ImageAPI", "ImageCatalog", "ImportModel", "LeaseStore", "LongshoreClient",
                "Operations", "RedisClient", "S3Storage", "WebSource", nioCore, nioEmbedded, nioHTTP1,
            ], swiftSettings: settings),
        .testTarget(
            name: "IdentityTests",
            dependencies: ["Identity", "ImportModel", "TestSupport", logging, nioCore, nioHTTP1, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "ImageAPITests",
            dependencies: [
                "FilesystemStorage", "ImageAPI", "ImageCatalog", "ImageStorage", "ImportModel", "LeaseStore",
                "RedisClient", "StorageConformance", "TestSupport", "WebSource", asyncHTTPClient, httpTypes,
                hummingbird,
                lifecycle, logging, nioCore, nioHTTP1, nioPosix, nioSSL,
            ], swiftSettings: settings),
        .testTarget(
            name: "ImageConversionTests",
            dependencies: [
                "ChildProcess", "ImageConversion", "ImageStorage", "ImportModel", "TestSupport", nioCore, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ImageCatalogTests",
            dependencies: ["ImageCatalog", "ImportModel", "LeaseStore", "RedisClient", "TestSupport", logging],
            swiftSettings: settings),
        .testTarget(
            name: "ImportPipelineTests",
            dependencies: [
                "DiskImage", "FilesystemStorage", "ImageStorage", "ImportModel", "ImportPipeline", "StorageConformance",
                "TestSupport", nioCore, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ImportWorkerTests",
            dependencies: [
                "DiskImage", "FaultProxy", "FilesystemStorage", "ImageConversion", "ImageStorage", "ImportModel",
                "ImportPipeline", "ImportWorker", "LeaseStore", "Publisher", "RedisClient", "S3Storage",
                "StorageConformance", "TestSupport", "WebSource", lifecycle, logging, nioCore, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "LeaseStoreTests",
            dependencies: ["ImportModel", "LeaseStore", "RedisClient", "TestSupport", logging],
            swiftSettings: settings),
        .testTarget(
            name: "LongshoreClientTests",
            dependencies: [
                "DiskImage", "ImportModel", "LongshoreClient", httpTypes, hummingbird, lifecycle, logging, nioCore,
                nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "OperationsTests", dependencies: ["ImportModel", "Operations", logging], swiftSettings: settings),
        .testTarget(
            name: "PublisherTests", dependencies: ["ImportModel", "Publisher", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "RedisClientTests", dependencies: ["RedisClient", "TestSupport", logging, nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "S3StorageTests",
            dependencies: [
                "ImageStorage", "ImportModel", "S3Storage", "StorageConformance", "TestSupport", nioCore, nioHTTP1,
                nioPosix, nioSSL,
            ], swiftSettings: settings),
        .target(
            name: "FaultHarness",
            dependencies: [
                "DiskImageSamples", "FaultProxy", "ImageStorage", "ImportModel", "LeaseStore", "RedisClient",
                "S3Storage",
                "TestSupport", "longshore", asyncHTTPClient, nioCore, nioFoundation, nioHTTP1, nioPosix, nioSSL,
            ], path: "Tests/FaultHarness", swiftSettings: settings),
        .executableTarget(
            name: "longshore-faults", dependencies: ["FaultHarness", argumentParser], path: "Tests/Faults",
            swiftSettings: settings),
        .testTarget(
            name: "FaultTests", dependencies: ["FaultHarness", "ImportModel", "RedisClient", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "FaultHarness", "ImportModel", "RedisClient", "TestSupport", asyncHTTPClient, nioCore, nioHTTP1,
                nioPosix,
            ], swiftSettings: settings),
        .target(name: "CResolverAim", path: "Tests/ResolverAim"),
        .testTarget(
            name: "WebSourceTests",
            dependencies: [
                "CResolverAim", "ImportModel", "TestSupport", "WebSource", nioCore, nioHTTP1, nioPosix, nioSSL,
            ],
            exclude: ["hostile-urls.txt"], swiftSettings: settings),
    ]
)

import Foundation
import ImportModel
import Logging
import Operations
import Testing

@Suite struct SettingsTests {
    @Test func `Nothing configured gives the defaults, and they agree with the model's`() throws {
        let settings = try load()
        #expect(settings.configFile == nil)
        #expect(settings.dataDirectory == "/home/someone/.local/share/longshore")
        #expect(settings.log.level == .info)
        #expect(settings.redis.url == "redis://127.0.0.1:6379")
        #expect(settings.redis.prefix == "longshore")
        #expect(settings.api.hosts == ["127.0.0.1"] && settings.api.port == 9292)
        #expect(settings.api.maxUploadBytes == 1 << 40)
        #expect(settings.worker.concurrency == 4 && settings.worker.stallTimeout == .seconds(120))
        #expect(settings.lease == LeaseSettings())
        #expect(settings.retry == RetryPolicy())
        #expect(settings.stores.isEmpty && settings.stagingStore == nil)
        #expect(settings.imports.plugins.isEmpty && settings.imports.decompressMaxRatio == 200)
        #expect(settings.imports.decompressMaxMemoryBytes == 128 << 20)
        #expect(settings.sweep.maxDelete == 1000 && settings.sweep.maxShare == 0.5)
    }

    @Test func `The command line is stronger than the environment, that than the file, that than the default`() throws {
        let file = "api: {port: 1}\nworker: {concurrency: 2, drain-timeout: 7s}\nlog: {level: debug}\n"
        let settings = try load(
            flags: ["api.port": "3"],
            environment: ["LONGSHORE_API_PORT": "2", "LONGSHORE_WORKER_CONCURRENCY": "8"], file: file)
        #expect(settings.api.port == 3)
        #expect(settings.worker.concurrency == 8)
        #expect(settings.worker.drainTimeout == .seconds(7))
        #expect(settings.log.level == .debug)
        #expect(settings.worker.stallTimeout == .seconds(120))
    }

    @Test func `An empty variable and an empty key of the file are the same as none`() throws {
        let settings = try load(
            environment: ["LONGSHORE_API_PORT": ""], file: "redis:\nlog:\n  level:\napi: {host: ~}\n")
        #expect(settings.api.port == 9292 && settings.log.level == .info && settings.api.hosts == ["127.0.0.1"])
    }

    @Test func `The file is named by the flag, else by the variable, else it is the standard one`() throws {
        let one = try TemporaryFile("api: {port: 1}")
        let two = try TemporaryFile("api: {port: 2}")
        let three = try TemporaryFile("api: {port: 3}")
        func port(_ flag: String?, _ variable: String?) throws -> Int {
            try Settings.load(
                environment: ["HOME": "/root", "LONGSHORE_CONFIG": variable ?? ""], configFile: flag,
                standardFile: three.path
            ).api.port
        }
        #expect(try port(one.path, two.path) == 1)
        #expect(try port(nil, two.path) == 2)
        #expect(try port(nil, nil) == 3)
    }

    @Test func `Plugins stand in a list, each once, with their limits beside`() throws {
        let file = "import:\n  plugins: [decompress]\n  decompress: {max-ratio: 20, max-memory: 1GiB, max-time: 5m}\n"
        let imports = try load(file: file).imports
        #expect(imports.plugins == [.decompress])
        #expect(imports.decompressMaxRatio == 20 && imports.decompressMaxMemoryBytes == 1 << 30)
        #expect(imports.decompressMaxTime == .seconds(300))
        #expect(try load(environment: ["LONGSHORE_IMPORT_PLUGINS": " decompress "]).imports.plugins == [.decompress])
    }

    @Test func `Conversion is off until its plugin is named, and then has its format, folder and limits`() throws {
        #expect(try load(file: "import: {convert-to: qcow2}\n").imports.conversion == nil)
        let usual = try #require(try load(flags: ["import.plugins": "decompress,convert"]).imports.conversion)
        #expect(usual.format == "raw" && usual.scratch == "/var/tmp" && usual.maxBytes == 256 << 30)
        #expect(usual.maxMemoryBytes == 2 << 30 && usual.maxRatio == 200)
        #expect(usual.maxProcessorTime == .seconds(3600) && usual.timeout == .seconds(7200))
        let file = """
            import:
              plugins: [convert]
              convert-to: vmdk
              scratch: /srv/scratch
              convert: {max-bytes: 1GiB, max-ratio: 30, max-memory: 512MiB, max-cpu: 5m, timeout: 10m}
            """
        let own = try #require(try load(file: file).imports.conversion)
        #expect(own.format == "vmdk" && own.scratch == "/srv/scratch" && own.maxBytes == 1 << 30)
        #expect(own.maxMemoryBytes == 512 << 20 && own.maxRatio == 30)
        #expect(own.maxProcessorTime == .seconds(300) && own.timeout == .seconds(600))
    }

    @Test func `Injected properties are a mapping in the file and have commas elsewhere`() throws {
        let file = "import:\n  plugins: [inject]\n  inject: {hw_boot_menu: true, cpus: '0,1=a\\b', empty: ''}\n"
        let injection = try load(file: file).imports.injection
        #expect(injection.properties == ["hw_boot_menu": "true", "cpus": "0,1=a\\b", "empty": ""])
        #expect(injection.ignoredRoles == ["admin"])
        #expect(injection.properties(for: ["member", "admin"]).isEmpty)
        #expect(injection.properties(for: ["member"]) == injection.properties)
        let text = "hw_boot_menu=true, cpus=0\\,1=a\\\\b,empty="
        let same = try load(environment: [
            "LONGSHORE_IMPORT_PLUGINS": "inject", "LONGSHORE_IMPORT_INJECT": text,
        ])
        #expect(same.imports.injection == injection)
        let everybody = try load(file: file + "  inject-ignored-roles: []\n").imports.injection
        let spared = try load(file: file + "  inject-ignored-roles: [Image_Admin]\n").imports.injection
        #expect(spared.properties(for: ["image_admin"]).isEmpty)
        #expect(everybody.properties(for: ["admin"]) == injection.properties)
        #expect(try load().imports.injection == .none)
    }

    @Test func `A list is a YAML list in the file and has commas elsewhere`() throws {
        let file = "sources:\n  allow:\n    - 10.0.0.0/8\n    - mirror.example.org\n  deny: 192.0.2.7, fd00::/8\n"
        let settings = try load(file: file)
        #expect(settings.sources.allow == ["10.0.0.0/8", "mirror.example.org"])
        #expect(settings.sources.deny == ["192.0.2.7", "fd00::/8"])
        #expect(
            try load(environment: ["LONGSHORE_SOURCES_ALLOW": "::1, localhost"]).sources.allow == ["::1", "localhost"])
    }

    @Test func `Keyrings are files by their names, and a wrong one is told with what would do`() throws {
        let keys = try TemporaryFile("keys")
        let settings = try load(file: "import:\n  keyrings: [debian=\(keys.path), fedora=\(keys.path)]\n")
        #expect(settings.imports.keyrings == ["debian": keys.path, "fedora": keys.path])
        #expect(try load().imports.keyrings.isEmpty)
        for (text, finding) in [
            ("debian", "is no keyring"), ("a b=\(keys.path)", "is no keyring"), ("debian=keys.gpg", "is no keyring"),
            ("debian=/nonexistent", "cannot be read"), ("a=\(keys.path),a=\(keys.path)", "second time"),
        ] {
            #expect {
                try load(environment: ["LONGSHORE_IMPORT_KEYRINGS": text])
            } throws: {
                "\($0)".contains("import.keyrings") && "\($0)".contains(finding)
            }
        }
    }

    @Test func `What may be fetched, and how, is set by words, ports and limits`() throws {
        let usual = try load()
        #expect(usual.sources.schemes == ["http", "https"])
        #expect(usual.sources.ports == [80...80, 443...443, 1024...65535])
        #expect(
            usual.sources.redirects == 5 && usual.sources.connections == 4 && usual.sources.minimumRate == 1024
                && usual.imports.requireFormatMatch)
        #expect(usual.sources.headersTimeout == .seconds(30) && usual.sources.rateWindow == .seconds(60))
        let settings = try load(
            file: """
                sources: {schemes: [HTTPS], ports: [443, 8000-8100], redirects: 0, headers-timeout: 2s, rate-window: 5s}
                import: {require-format-match: false}
                """)
        #expect(settings.sources.schemes == ["https"] && settings.sources.ports == [443...443, 8000...8100])
        #expect(settings.sources.redirects == 0 && settings.sources.rateWindow == .seconds(5))
        #expect(settings.sources.headersTimeout == .seconds(2) && !settings.imports.requireFormatMatch)
        for (key, text) in [
            ("sources.schemes", "ftp"), ("sources.schemes", ","), ("sources.ports", "0"), ("sources.ports", "65536"),
            ("sources.ports", "9-8"), ("sources.ports", "1-2-3"), ("sources.ports", "http"), ("sources.ports", ","),
            ("sources.ports", "-80"), ("sources.redirects", "21"), ("sources.connections", "9"),
            ("sources.connections", "0"), ("sources.minimum-rate", "slow"),
        ] {
            #expect("\(key) \(text)") {
                try load(flags: [key: text])
            } throws: { "\($0)".contains(key) }
        }
    }

    @Test func `Stores come from a list in the file`() throws {
        let settings = try load(
            file: """
                stores:
                  - {id: fast, type: filesystem, path: /srv/fast}
                  - {id: main, type: filesystem, path: "/srv/a,b", description: The big one, default: true}
                staging: {store: fast}
                """)
        #expect(settings.stores.map(\.id.rawValue) == ["fast", "main"])
        #expect(settings.stores[1].place == .filesystem(path: "/srv/a,b"))
        #expect(settings.stores[1].description == "The big one")
        #expect(settings.defaultStore?.id.rawValue == "main")
        #expect(settings.stagingStore?.rawValue == "fast")
    }

    @Test func `Stores of the environment replace those of the file, and the first is the default`() throws {
        let settings = try load(
            environment: ["LONGSHORE_STORES": "one=filesystem:/srv/one,two=filesystem:/srv/two"],
            file: "stores: [{id: main, type: filesystem, path: /srv/main}]")
        #expect(settings.stores.map(\.compactText) == ["one=filesystem:/srv/one", "two=filesystem:/srv/two"])
        #expect(settings.defaultStore?.id.rawValue == "one" && settings.stagingStore?.rawValue == "one")
    }

    @Test func `A store has a weight and may be read-only, and then is neither the default nor for stagings`() throws {
        let file = """
            stores:
              - {id: old, type: filesystem, path: /srv/old, read-only: true, weight: -3}
              - {id: main, type: filesystem, path: /srv/main}
              - {id: fast, type: s3, endpoint: "http://127.0.0.1:1", bucket: b, weight: 10, access-key-id: AK,
                 secret-access-key: hunter2}
            """
        let settings = try load(file: file)
        #expect(settings.stores.map(\.weight) == [-3, 0, 10])
        #expect(settings.stores.map(\.isReadOnly) == [true, false, false])
        #expect(settings.defaultStore?.id.rawValue == "main" && settings.stagingStore?.rawValue == "main")
        #expect(settings.readingOrder.sorted(settings.stores.map(\.id)).map(\.rawValue) == ["fast", "main", "old"])
        #expect(settings.stores[0].properties == ["data_dir": "/srv/old"])
        #expect(settings.stores[2].properties == ["endpoint": "http://127.0.0.1:1", "bucket": "b"])
        for (wrong, finding) in [
            (file + "\nstaging: {store: old}\n", "staging.store"),
            ("stores: [{id: a, type: filesystem, path: /srv/a, read-only: true}]", "all read-only"),
            ("stores: [{id: a, type: filesystem, path: /srv/a, read-only: true, default: true}]", "read-only"),
            ("stores: [{id: a, type: filesystem, path: /srv/a, weight: heavy}]", "stores.weight"),
            ("stores: [{id: a, type: filesystem, path: /srv/a, read-only: perhaps}]", "stores.read-only"),
            ("stores: [{id: a, type: filesystem, path: /srv/a, readonly: true}]", "did you mean stores.read-only?"),
        ] {
            #expect("\(wrong)") { try load(file: wrong) } throws: { "\($0)".contains(finding) }
        }
    }

    @Test func `The ways to import are a list, which may be empty`() throws {
        #expect(try load().imports.methods == [.glanceDirect, .webDownload, .copyImage])
        #expect(
            try load(file: "import: {methods: [copy-image, web-download]}").imports.methods == [
                .copyImage, .webDownload,
            ])
        #expect(try load(file: "import: {methods: []}").imports.methods.isEmpty)
        #expect {
            try load(flags: ["import.methods": "web-download,ftp"])
        } throws: {
            "\($0)".contains("import.methods") && "\($0)".contains("ftp")
        }
    }

    @Test func `A store may be a bucket, with credentials from three places`() throws {
        let settings = try load(
            file: """
                stores:
                  - {id: a, type: s3, endpoint: "https://s3.example.org/", bucket: images, prefix: /a/, region: eu-1,
                     access-key-id: AK, secret-access-key: hunter2, session-token: st}
                  - {id: b, type: s3, endpoint: "http://127.0.0.1:8333", bucket: images, path-style: true,
                     credentials-file: /etc/longshore/s3, ca-file: /etc/ca.pem, part-size: 64MiB, parallel-parts: 4}
                  - {id: c, type: s3, endpoint: "http://127.0.0.1:8333", bucket: others, parts-memory: 2GiB}
                """)
        let places = settings.stores.compactMap { store in if case .s3(let place) = store.place { place } else { nil } }
        #expect(places.count == 3 && places[0].endpoint == "https://s3.example.org" && places[0].prefix == "a")
        #expect(places.map(\.region) == ["eu-1", "us-east-1", "us-east-1"])
        #expect(places.map(\.usesPathStyle) == [false, true, false])
        #expect(places.map(\.partBytes) == [6 << 20, 64 << 20, 6 << 20] && places.map(\.parallelParts) == [2, 4, 2])
        #expect(places.map(\.partsMemoryBytes) == [256 << 20, 256 << 20, 2 << 30])
        #expect(places[0].credentials == .keys(id: "AK", secret: "hunter2", token: "st"))
        #expect(places[1].credentials == .file(path: "/etc/longshore/s3", profile: "default"))
        #expect(places[2].credentials == .environment && places[1].caFile == "/etc/ca.pem")
        #expect(!settings.describe().contains("hunter2") && !"\(settings.stores)".contains("hunter2"))
    }

    @Test func `A bucket can be written as a URL, which reads back as it was written`() throws {
        let text = "main=s3:https://s3.example.org:8443/images/a/b?region=eu-1&path-style=true,b=s3:http://host/bucket"
        let stores = try load(environment: ["LONGSHORE_STORES": text]).stores
        #expect(stores.map(\.compactText).joined(separator: ",") == text)
        guard case .s3(let place) = stores[0].place else { throw NotABucket() }
        #expect(place.bucket == "images" && place.prefix == "a/b" && place.credentials == .environment)
    }

    @Test func `The password may come from a file`() throws {
        let secret = try TemporaryFile("hunter2\n")
        #expect(try load(flags: ["redis.password-file": secret.path]).redis.password == "hunter2")
    }

    @Test(arguments: ["127.0.0.1", "127.1.2.3", "::1", "localhost", "127.0.0.1, ::1"])
    func `Without identity the API may listen on loopback`(host: String) throws {
        #expect(try load(flags: ["api.host": host]).api.hosts.joined(separator: ", ") == host)
    }

    @Test func `A description shows every setting, where it comes from, and no secret`() throws {
        let settings = try load(
            flags: ["redis.url": "rediss://app:open-sesame@redis.example.org:6380/1"],
            environment: ["LONGSHORE_REDIS_PASSWORD": "hunter2"], file: "\n\nworker: {concurrency: 9}")
        let text = settings.describe()
        #expect(!text.contains("hunter2") && !text.contains("open-sesame"))
        #expect(text.contains("redis.password = ***  # environment variable LONGSHORE_REDIS_PASSWORD"))
        #expect(text.contains("redis.url = rediss://***@redis.example.org:6380/1  # the command line"))
        #expect(text.contains("worker.concurrency = 9  # ") && text.contains(", line 3"))
        #expect(text.contains("stores = (unset)"))
        for key in SettingKey.all { #expect(text.contains("\n\(key.name) = "), "\(key.name)") }
    }
}

/// A file that goes away with its value.
final class TemporaryFile: Sendable {
    let path: String

    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-\(UUID().uuidString)").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    // Nothing can be done about a file that is gone already.
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

func load(
    flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
) throws -> Settings {
    let written = try file.map(TemporaryFile.init)
    return try withExtendedLifetime(written) {
        try Settings.load(
            flags: flags, environment: environment.merging(["HOME": "/home/someone"]) { first, _ in first },
            configFile: written?.path, standardFile: "/nonexistent/longshore.yaml")
    }
}

private struct NotABucket: Error {}

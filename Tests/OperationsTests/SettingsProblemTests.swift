import Foundation
import ImportModel
import Operations
import Testing

@Suite struct SettingsProblemTests {
    @Test func `Unknown names are told with their nearest neighbour, wherever they stand`() throws {
        let problems = try problems(
            flags: ["api.prot": "1"], environment: ["LONGSHORE_WORKER_CONCURENCY": "2", "OTHER": "x"],
            file: "redis:\n  usrname: me\nsweeep: 1\nstores:\n  - {id: a, type: filesystem, path: /a, descripton: x}\n")
        #expect(remedy(of: "api.prot", in: problems) == "did you mean api.port?")
        #expect(
            remedy(of: "LONGSHORE_WORKER_CONCURENCY", in: problems) == "did you mean LONGSHORE_WORKER_CONCURRENCY?")
        #expect(remedy(of: "redis.usrname", in: problems) == "did you mean redis.username?")
        #expect(remedy(of: "stores.descripton", in: problems) == "did you mean stores.description?")
        #expect(problems.first { $0.key == "redis.usrname" }?.origin.hasSuffix(", line 2") == true)
        #expect(problems.contains { $0.key == "sweeep" })
        #expect(problems.count == 5)
    }

    @Test func `Variables that are declared to belong to others are let be`() throws {
        _ = try Settings.load(
            environment: ["LONGSHORE_ENDPOINT": "http://127.0.0.1:1"], standardFile: "/nonexistent",
            alsoKnown: ["LONGSHORE_ENDPOINT"])
    }

    @Test func `All problems are told at once, with value, place and remedy`() throws {
        let problems = try problems(
            flags: ["api.port": "seventy"],
            environment: ["LONGSHORE_LEASE_BEAT": "soon", "LONGSHORE_REDIS_ALLOW_UNSAFE": "maybe"],
            file: "log: {level: loud}\nsources: {max-bytes: -1, allow: [\"http://x/\"]}\nsweep: {max-share: 2}\n")
        #expect(
            Set(problems.map(\.key)) == [
                "api.port", "lease.beat", "redis.allow-unsafe", "log.level", "sources.max-bytes", "sources.allow",
                "sweep.max-share",
            ])
        let port = try #require(problems.first { $0.key == "api.port" })
        #expect(
            "\(port)"
                == "api.port = \"seventy\" (the command line): is no whole number of its range; write one from 0 to 65535"
        )
        #expect(problems.first { $0.key == "lease.beat" }?.origin == "environment variable LONGSHORE_LEASE_BEAT")
    }

    @Test func `Without identity the API may not listen beyond loopback`() throws {
        for host in ["0.0.0.0", "::", "192.0.2.1", "images.example.org", "127.example.org", "127.0.0.1,192.0.2.1"] {
            let found = try problems(flags: ["api.host": host])
            #expect(found.map(\.key) == ["api.host"], "\(host)")
            #expect(found.first?.finding.contains("every request is an administrator's") == true)
        }
    }

    @Test func `A certificate needs its key, and origins are written as browsers send them`() throws {
        let pem = try TemporaryFile("")
        #expect(try problems(flags: ["api.certificate-file": pem.path]).map(\.key) == ["api.key-file"])
        #expect(try problems(flags: ["api.key-file": pem.path]).map(\.key) == ["api.certificate-file"])
        for origin in ["*", "https://a/", "https://A", "a.example.org", "ftp://a", "https://u@a", "null"] {
            #expect(try problems(flags: ["api.cors-origins": origin]).map(\.key) == ["api.cors-origins"], "\(origin)")
        }
        let good = "https://horizon.example.org,http://127.0.0.1:8080,http://[::1]:80"
        let settings = try Settings.load(
            flags: ["api.cors-origins": good], environment: [:], standardFile: "/nonexistent")
        #expect(settings.api.corsOrigins.count == 3)
    }

    @Test func `With Keystone its URL and one kind of credentials are needed, and any address may be listened on`()
        throws
    {
        let keystone = ["api.identity": "keystone", "api.host": "0.0.0.0"]
        #expect(Set(try problems(flags: keystone).map(\.key)) == ["keystone.auth-url", "keystone.username"])
        let named = keystone.merging(["keystone.auth-url": "https://k/v3", "keystone.username": "u"]) { $1 }
        #expect(try problems(flags: named).map(\.key) == ["keystone.password"])
        let whole = named.merging(["keystone.password": "hunter2"]) { $1 }
        let settings = try Settings.load(flags: whole, environment: [:], standardFile: "/nonexistent")
        #expect(settings.keystone.password == "hunter2" && settings.keystone.cacheTime == .seconds(60))
        #expect(!settings.describe().contains("hunter2"))
        let both = whole.merging(["keystone.application-credential-id": "i"]) { $1 }
        #expect(try problems(flags: both).map(\.key) == ["keystone.application-credential-id"])
        let other = keystone.merging(["keystone.auth-url": "http://k", "keystone.application-credential-id": "i"]) {
            $1
        }
        #expect(try problems(flags: other).map(\.key) == ["keystone.application-credential-secret"])
        // Where nobody asks it, nothing of it is needed.
        #expect(throws: Never.self) {
            try Settings.load(flags: ["keystone.username": "u"], environment: [:], standardFile: "/nonexistent")
        }
    }

    @Test func `A row of the policy that does not exist, or a word that makes no sense for it, is refused`() throws {
        let problems = try problems(
            flags: [
                "api.policy":
                    "delet_image=admin, delete_image=everybody, get_image=anyone, copy_image, add_image=member,add_image=admin"
            ])
        #expect(problems.count == 5 && Set(problems.map(\.key)) == ["api.policy"])
        #expect(problems.first?.remedy == "did you mean delete_image?")
        #expect(problems.first { $0.value == "get_image=anyone" }?.finding.contains("'anyone'") == true)
        let policy = try Settings.load(
            flags: ["api.policy": "download_image=reader, fleet:get_metrics=anyone"], environment: [:],
            standardFile: "/nonexistent"
        ).api.policy
        #expect(policy.rule(for: .downloadImage) == .reader && policy.rule(for: .fleetGetMetrics) == .anyone)
        #expect(policy.rule(for: .deleteImage) == .owner)
    }

    @Test func `A plugin that does not exist, or twice, is refused, and so are limits of nothing`() throws {
        let unknown = try problems(flags: ["import.plugins": "decompress,unpack"])
        #expect(unknown.map(\.key) == ["import.plugins"])
        #expect(unknown.first?.finding.contains("'unpack'") == true)
        #expect(unknown.first?.remedy.contains("decompress") == true)
        #expect(try problems(flags: ["import.plugins": "decompress,decompress"]).map(\.key) == ["import.plugins"])
        let limits = ["import.decompress.max-ratio": "0", "import.decompress.max-memory": "0"]
        #expect(Set(try problems(flags: limits).map(\.key)) == Set(limits.keys))
    }

    @Test(arguments: [
        ("os_glance_x: a", "begins with os_glance"), ("disk_format: raw", "is an attribute of every image"),
        ("status: active", "is an attribute of every image"), ("'': a", "1 to 255 characters"),
        ("'a=b': c", "equals sign"), ("'a ': b", "white space"), ("a: [b]", "no text"),
        ("os_distro: '\(String(repeating: "x", count: 16 << 10))'", "bytes together"),
    ])
    func `Properties that cannot be injected are refused at start`(property: String, finding: String) throws {
        let found = try problems(file: "import:\n  plugins: [inject]\n  inject:\n    \(property)\n")
        #expect(found.contains { $0.key == "import.inject" && $0.finding.contains(finding) }, "\(found)")
    }

    @Test func `Conversion that cannot be is refused at start`() throws {
        let before = try problems(flags: ["import.plugins": "convert,decompress"])
        #expect(before.map(\.key) == ["import.plugins"] && before[0].remedy.contains("decompress before convert"))
        let relative = try problems(flags: ["import.plugins": "convert", "import.scratch": "scratch"])
        #expect(relative.map(\.key) == ["import.scratch"])
        #expect(try problems(flags: ["import.convert-to": "vhdx"]).map(\.key) == ["import.convert-to"])
        #expect(try problems(flags: ["import.convert.timeout": "0"]).map(\.key) == ["import.convert.timeout"])
    }

    @Test func `Injection needs its plugin and its properties`() throws {
        let unnamed = try problems(flags: ["import.inject": "a=b"])
        #expect(unnamed.map(\.key) == ["import.inject"] && unnamed[0].finding == "has no effect")
        let empty = try problems(flags: ["import.plugins": "inject"])
        #expect(empty.map(\.key) == ["import.inject"] && empty[0].finding.contains("is unset"))
        for text in ["a", "a=b\\", "=b", "a=1,a=2"] {
            let found = try problems(flags: ["import.plugins": "inject", "import.inject": text])
            #expect(found.map(\.key) == ["import.inject"], "\(text)")
        }
    }

    @Test func `Settings that contradict each other are refused`() throws {
        #expect(try problems(flags: ["lease.beat": "20s"]).map(\.key) == ["lease"])
        #expect(try problems(flags: ["retry.base": "10m"]).map(\.key) == ["retry.cap"])
        #expect(try problems(flags: ["staging.store": "x"]).map(\.key) == ["staging.store"])
        #expect(try problems(flags: ["redis.key-file": "/nonexistent/key"]).map(\.key) == ["redis.key-file"])
        let secret = try TemporaryFile("a\n")
        let both = ["redis.password": "hunter2", "redis.password-file": secret.path]
        let found = try problems(flags: both)
        #expect(found.map(\.key) == ["redis.password-file"])
        #expect(!"\(SettingsError(problems: found))".contains("hunter2"))
    }

    @Test(arguments: [
        ("stores: [{id: a, type: filesystem, path: relative}]", "stores.path"),
        ("stores: [{id: .a, type: filesystem, path: /a}]", "stores.id"),
        ("stores: [{id: a, type: tape, path: /a}]", "stores.type"),
        ("stores: [{id: a, type: filesystem, path: /a, default: perhaps}]", "stores.default"),
        ("stores: [{id: a, type: filesystem, path: /a}, {id: a, type: filesystem, path: /b}]", "stores"),
        ("stores: [{id: a, type: filesystem, path: /a}, {id: b, type: filesystem, path: /a}]", "stores"),
        ("stores: a=/somewhere", "stores"),
        ("stores: [{id: a, type: s3, bucket: b}]", "stores.endpoint"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h/path', bucket: b}]", "stores.endpoint"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h'}]", "stores.bucket"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, path: /x}]", "stores.path"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, path-style: perhaps}]", "stores.path-style"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, part-size: 1MiB}]", "stores.part-size"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, parallel-parts: 0}]", "stores.parallel-parts"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, parts-memory: 2TiB}]", "stores.parts-memory"),
        ("stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b, access-key-id: x}]", "stores.secret-access-key"),
        ("stores: [{id: a, type: filesystem, path: /a, bucket: b}]", "stores.bucket"),
        ("stores: 'a=s3:https://h/b?secret-access-key=hunter2'", "stores"),
        (
            "stores: [{id: a, type: s3, endpoint: 'https://h', bucket: b}, {id: c, type: s3, endpoint: 'https://h', bucket: b}]",
            "stores"
        ),
    ])
    func `A store that cannot be used is refused`(file: String, key: String) throws {
        #expect(try problems(file: file).map(\.key) == [key])
    }

    @Test(arguments: [
        ("log: [", "config", ", line 2"), ("- a\n- b\n", "config", ", line 1"), ("log: info\n", "log", ", line 1"),
        ("api:\n  port: 1\n  port: 2\n", "config", ", line 2"), ("api:\n  port: {a: 1}\n", "api.port", ", line 2"),
    ])
    func `A file that is broken is refused with its line`(file: String, key: String, line: String) throws {
        let found = try problems(file: file)
        #expect(found.map(\.key) == [key])
        #expect(found.first?.origin.hasSuffix(line) == true, "\(found)")
    }

    @Test func `A broken file does not show what stands in it`() throws {
        let text = "\(SettingsError(problems: try problems(file: "redis: {password: hunter2\nlog: [\n")))"
        #expect(!text.contains("hunter2"))
    }

    @Test func `A file that was named and is not there is refused`() throws {
        let error = #expect(throws: SettingsError.self) {
            try Settings.load(environment: [:], configFile: "/nonexistent/longshore.yaml")
        }
        #expect(error?.problems.first?.finding == "does not exist")
    }

    private func remedy(of key: String, in problems: [SettingsProblem]) -> String? {
        problems.first { $0.key == key }?.remedy
    }

    private func problems(
        flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> [SettingsProblem] {
        let error = #expect(throws: SettingsError.self) {
            try load(flags: flags, environment: environment, file: file)
        }
        return try #require(error).problems
    }
}

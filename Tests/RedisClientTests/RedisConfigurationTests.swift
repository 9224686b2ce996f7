import Testing

@testable import RedisClient

@Suite struct RedisConfigurationTests {
    @Test("a URL gives host, port, database, user and password")
    func full() throws {
        let configuration = try RedisConfiguration(url: "rediss://me:p%40ss%23@redis.example:7000/3")
        #expect(configuration.endpoint == .tcp(host: "redis.example", port: 7000))
        #expect(configuration.username == "me")
        #expect(configuration.password == "p@ss#")
        #expect(configuration.database == 3)
        #expect(configuration.tls == RedisConfiguration.TLS())
    }

    @Test("what a URL leaves out has defaults")
    func defaults() throws {
        for url in ["redis://h", "redis://h/", "REDIS://h"] {
            let configuration = try RedisConfiguration(url: url)
            #expect(configuration.endpoint == .tcp(host: "h", port: 6379))
            #expect(configuration.database == 0)
            #expect(configuration.username == nil && configuration.password == nil && configuration.tls == nil)
        }
        let onlyPassword = try RedisConfiguration(url: "redis://:secret@h")
        #expect(onlyPassword.username == nil)
        #expect(onlyPassword.password == "secret")
        #expect(try RedisConfiguration(url: "redis://[::1]:1").endpoint == .tcp(host: "::1", port: 1))
    }

    @Test("a unix socket is an absolute path, with a database perhaps")
    func unixSocket() throws {
        for scheme in ["unix", "redis+unix"] {
            let configuration = try RedisConfiguration(url: "\(scheme):///run/a%20b.sock?db=2")
            #expect(configuration.endpoint == .unixSocket(path: "/run/a b.sock"))
            #expect(configuration.database == 2)
        }
        #expect(try RedisConfiguration(url: "unix://u:p@/run/s").password == "p")
    }

    @Test(
        "a wrong URL is an error that says what is wrong and does not repeat the URL",
        arguments: [
            "", "localhost:6379", "http://h", "redis://", "redis:///0", "redis://h/x", "redis://h/-1", "redis://h/1/2",
            "redis://h:0", "redis://h:99999", "redis://h?timeout=1", "redis://hunter2:x#y@h", "unix://", "unix:///",
            "unix://host/path", "unix:///p?x=1", "redis://hunter2@h", "redis://u:hunter2%@h", "redis://u:hun ter2@h",
        ])
    func wrong(url: String) {
        let error = #expect(throws: RedisConfigurationError.self) { try RedisConfiguration(url: url) }
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.description.contains("write it as") == true)
    }

    @Test("nothing that shows a configuration shows its password")
    func password() throws {
        let configuration = try RedisConfiguration(url: "rediss://me:hunter2@h/1")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("h:6379 database 1 user me with password over TLS"))
        }
    }

    @Test("a refused login does not repeat the password")
    func greeting() {
        var configuration = RedisConfiguration(endpoint: .tcp(host: "h", port: 1), username: "u", password: "hunter2")
        configuration.database = 4
        let steps = Greeting.steps(configuration)
        #expect(steps.map(\.command.name) == ["AUTH", "SELECT", "CLIENT"])
        let ok = RedisValue.simple("OK")
        let echo = RedisValue.error(
            RedisServerError(message: "ERR unknown command 'AUTH', with args beginning with: 'u' 'hunter2'"))
        #expect(Greeting.refusal(steps, replies: [echo, ok, ok])?.contains("hunter2") == false)
        let noRight = RedisValue.error(RedisServerError(message: "NOPERM no client"))
        #expect(Greeting.refusal(steps, replies: [ok, ok, noRight]) == nil)
        #expect(Greeting.refusal(steps, replies: [ok, noRight, ok])?.contains("SELECT") == true)
    }
}

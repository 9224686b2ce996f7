package import Foundation

/// Checks of the machine; those of Redis and of the stores' contents come from whoever knows these.
extension Check {
    /// Whether files can be made, made durable and removed in the folder at `path`.
    package static func writableFolder(_ name: String, path: String) -> Check {
        Check(name) { await onThread { examineFolder(path) } }
    }

    private static func examineFolder(_ path: String) -> CheckResult {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            return .failure("\(path) does not exist", remedy: "make the folder and give it to the service's user")
        }
        guard isFolder.boolValue else {
            return .failure("\(path) is not a folder", remedy: "configure a folder")
        }
        let probe = "\(path)/.longshore-doctor-\(UUID().uuidString)"
        let descriptor = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            return .failure(
                "no file can be made in \(path): \(systemMessage())",
                remedy: "give it to the service's user, or mount it writable")
        }
        defer {
            close(descriptor)
            unlink(probe)
        }
        guard write(descriptor, "probe", 5) == 5, fsync(descriptor) == 0 else {
            return .failure("a file in \(path) cannot be made durable: \(systemMessage())", remedy: "look at the disk")
        }
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return .ok("\(path) can be written") }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let text = "\(free >> 20) MiB of \((UInt64(status.f_blocks) * UInt64(status.f_frsize)) >> 20) MiB free"
        return free < 1 << 30
            ? .warning("\(path): \(text)", remedy: "free some space or enlarge the disk")
            : .ok("\(path) can be written, \(text)")
    }

    /// Whether the process may have enough files and sockets open.
    package static func openFilesLimit(atLeast wanted: UInt64 = 4096) -> Check {
        Check("open files") {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                return .warning("the limit cannot be read: \(systemMessage())", remedy: "look at `ulimit -n`")
            }
            return limit.rlim_cur >= wanted
                ? .ok("up to \(limit.rlim_cur)")
                : .warning(
                    "at most \(limit.rlim_cur), and a busy process wants \(wanted)",
                    remedy: "set LimitNOFILE=65536 in the unit, or `ulimit -n \(wanted)`")
        }
    }

    /// Whether the clock stands in a year in which this program can run; certificates fail when it does not.
    package static func clock(now: @escaping @Sendable () -> Date = { Date() }) -> Check {
        Check("clock") {
            let time = now()
            let text = time.formatted(.iso8601)
            // 2025-01-01 and 2100-01-01.
            return (1_735_689_600..<4_102_444_800).contains(time.timeIntervalSince1970)
                ? .ok(text) : .failure("it is not \(text)", remedy: "set the clock and run a time service")
        }
    }

    /// Whether `port` of `host` can be listened on.
    package static func portFree(host: String, port: Int) -> Check {
        Check("port \(port)") { await onThread { examinePort(host, port) } }
    }

    private static func examinePort(_ host: String, _ port: Int) -> CheckResult {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0, let address = list?.pointee else {
            return .failure(
                "\(host) is no address: \(String(cString: gai_strerror(code)))", remedy: "mend api.host")
        }
        defer { freeaddrinfo(list) }
        let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            return .failure("no socket: \(systemMessage())", remedy: "look at the system's limits")
        }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        // Listening is what tells: with SO_REUSEADDR a bind alone may succeed beside a listener.
        if bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 1) == 0 {
            return .ok("\(host):\(port) is free")
        }
        let taken = errno == EADDRINUSE
        return .failure(
            "\(host):\(port) cannot be listened on: \(systemMessage())",
            remedy: taken ? "stop what listens there (`ss -ltnp`), or set api.port" : "set api.host and api.port")
    }

    private static func systemMessage() -> String { String(cString: strerror(errno)) }

    /// Disks and resolvers may block; the threads of Swift's concurrency may not.
    private static func onThread(_ body: @escaping @Sendable () -> CheckResult) async -> CheckResult {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}

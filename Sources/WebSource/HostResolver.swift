import Glibc
import NIOCore
package import NIOPosix
import Synchronization

/// Finds the addresses of a host's name.
package protocol HostResolver: Sendable {
    /// - Throws: `HostResolverError`
    func resolve(_ name: String) async throws -> [IPAddress]
}

package enum HostResolverError: Error, Hashable, Sendable {
    case noSuchName
    /// With what the system says.
    case failed(String)
}

/// The system's resolver, on threads of its own: `getaddrinfo` blocks, and cannot be interrupted.
package struct SystemResolver: HostResolver {
    private let threads: NIOThreadPool
    private let lookUp: @Sendable (String) throws -> [IPAddress]

    /// - Parameter threads: running; each resolves one name at a time.
    package init(threads: NIOThreadPool) { self.init(threads: threads, lookUp: Self.addresses) }

    init(threads: NIOThreadPool, lookUp: @escaping @Sendable (String) throws -> [IPAddress]) {
        self.threads = threads
        self.lookUp = lookUp
    }

    package func resolve(_ name: String) async throws -> [IPAddress] {
        let (answers, answer) = AsyncThrowingStream.makeStream(of: [IPAddress].self)
        let waiter = Waiter()
        answer.onTermination = { _ in waiter.isGone.withLock { $0 = true } }
        threads.submit { [lookUp] state in
            switch state {
            // Names that nobody waits for any more take no thread from others.
            case .active where waiter.isGone.withLock(\.self): break
            case .active: answer.yield(with: Result { try lookUp(name) })
            case .cancelled: answer.finish(throwing: HostResolverError.failed("the process is stopping"))
            }
        }
        // Unlike the thread, this ends at once when the caller has waited long enough and cancels.
        for try await addresses in answers { return addresses }
        throw CancellationError()
    }

    private final class Waiter: Sendable {
        let isGone = Mutex(false)
    }

    @Sendable private static func addresses(of name: String) throws -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else {
            if code == EAI_NONAME { throw HostResolverError.noSuchName }
            throw HostResolverError.failed(String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = read(entry.pointee), !found.contains(address) else { continue }
            found.append(address)
        }
        return found
    }

    private static func read(_ entry: addrinfo) -> IPAddress? {
        let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
        // Where `sin_addr` and `sin6_addr` lie.
        switch (entry.ai_family, bytes.count) {
        case (AF_INET, 8...): return IPAddress(bytes: Array(bytes[4..<8]))
        case (AF_INET6, 24...): return IPAddress(bytes: Array(bytes[8..<24]))
        default: return nil
        }
    }
}

import Foundation
import Glibc
@testable import WebSource

/// Others that read hosts: the C library, which would be asked to resolve and dial them, and Foundation.
enum Referees {
    /// What is taken as a name must be no number to the C library; an address must be the same one to it.
    static func judge(_ url: SourceURL) throws(Violation) {
        switch url.host {
        case .name(let name):
            try require(numeric(name).isEmpty, "'\(name)' is a name here and an address to getaddrinfo")
            var address = in_addr()
            try require(inet_aton(name, &address) == 0, "'\(name)' is a name here and an address to inet_aton")
        case .address(let address):
            try require(
                numeric(address.description) == [address.bytes], "\(address) is another address to getaddrinfo")
        }
    }

    /// Where Foundation can read the URL, it sees the same host and port.
    static func compare(_ url: SourceURL, with text: String) throws(Violation) {
        guard let other = URLComponents(string: text), var host = other.percentEncodedHost?.lowercased() else { return }
        if host.hasSuffix(".") { host.removeLast() }
        switch url.host {
        case .name(let name): try require(host == name, "Foundation sees the host '\(host)', not '\(name)'")
        case .address(let address):
            let plain = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
            try require(
                IPAddress(plain)?.canonical == address, "Foundation sees the host '\(host)', not \(address)")
        }
        if let port = other.port { try require(port == url.port, "Foundation sees port \(port), not \(url.port)") }
    }

    /// Addresses that `host` is by itself, without a look-up.
    static func numeric(_ host: String) -> [[UInt8]] {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [[UInt8]] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
            found.append(Array(entry.ai_family == AF_INET ? bytes[4..<8] : bytes[8..<24]))
        }
        return found
    }

    /// Whether a packet to this address may end in the network that a worker stands in, read number by number.
    static func isDangerous(_ bytes: [UInt8]) -> Bool {
        if bytes.count == 4 {
            switch (bytes[0], bytes[1], bytes[2]) {
            case (0, _, _), (10, _, _), (127, _, _), (224..., _, _), (169, 254, _), (192, 168, _), (192, 0, 0): true
            case (172, 16...31, _), (100, 64...127, _), (198, 18...19, _): true
            default: bytes == [168, 63, 129, 16]
            }
        } else {
            isDangerous6(bytes)
        }
    }

    private static func isDangerous6(_ bytes: [UInt8]) -> Bool {
        let words = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let last = Array(bytes[12...])
        switch (words[0], words[1]) {
        case (0xfc00...0xfdff, _), (0xfe80...0xffff, _): return true
        case (0x2002, _): return isDangerous(Array(bytes[2..<6]))
        case (0x2001, 0): return isDangerous(Array(bytes[4..<8])) || isDangerous(last.map { ~$0 })
        case (0x64, 0xff9b): return words[2] != 0 || isDangerous(last)
        case (0, 0): return words[2...4].allSatisfy { $0 == 0 } && [0, 0xffff].contains(words[5]) && isDangerous(last)
        default: return false
        }
    }
}

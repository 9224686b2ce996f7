import Foundation
import NIOSSL
import Synchronization
import TestSupport

/// The servers on which tricks are played: one without TLS and one for each kind of certificate.
final class SourceServers: Sendable {
    /// PEM of the authorities that the fleet has to trust.
    let authorities: URL
    private let tricks: [SourceTrick]
    private let images: [SourceImage]
    private let servers: Mutex<[SourceTrick.Server: ScriptedHTTPServer]>
    private let attempts = Mutex<[Int: Int]>([:])
    private let requests = Mutex<[Int: Int]>([:])
    private let rests = Mutex<[Int: Int]>([:])

    init(_ tricks: [SourceTrick], _ images: [SourceImage], folder: URL) async throws {
        self.tricks = tricks
        self.images = images
        authorities = folder.appendingPathComponent("authorities.pem")
        servers = Mutex([:])
        var trusted = ""
        for kind in SourceTrick.Server.allCases {
            let tls = try kind == .plain ? nil : Self.certificates(kind, folder)
            if let tls, kind != .selfSigned { trusted += try String(contentsOfFile: tls.authority, encoding: .utf8) }
            let server = try await ScriptedHTTPServer(tls: tls.map(Self.context)) { [self] in play($0) }
            servers.withLock { $0[kind] = server }
        }
        try trusted.write(to: authorities, atomically: true, encoding: .utf8)
    }

    func stop() async throws {
        for server in servers.withLock({ Array($0.values) }) { try await server.stop() }
    }

    /// Where the image of a trick is, with a secret that nobody may ever show.
    func url(_ index: Int) -> String {
        let kind = tricks[index].server
        let port = servers.withLock { $0[kind]?.port } ?? 0
        return "\(kind == .plain ? "http" : "https")://127.0.0.1:\(port)/\(index)?token=hush"
    }

    /// How many requests a trick has seen; without those for the rest of an image.
    func requests(_ index: Int) -> Int { requests.withLock { $0[index] ?? 0 } }

    /// How many requests for the rest of an image a trick has seen.
    func rests(_ index: Int) -> Int { rests.withLock { $0[index] ?? 0 } }

    /// A path is the number of the trick, then that of the redirect.
    private func play(_ request: ScriptedHTTPServer.Request) -> [ScriptedHTTPServer.Step] {
        let numbers = request.target.prefix { $0 != "?" }.split(separator: "/").compactMap { Int($0) }
        guard let index = numbers.first, tricks.indices.contains(index) else {
            return ScriptedHTTPServer.answer("404 Not Found")
        }
        let rest = request.headers["range"].flatMap { Self.rest($0, of: images[index]) }
        if rest == nil {
            requests.withLock { $0[index, default: 0] += 1 }
        } else {
            rests.withLock { $0[index, default: 0] += 1 }
        }
        let attempt = attempts.withLock { attempts in
            if numbers.count == 1, rest == nil { attempts[index, default: 0] += 1 }
            return attempts[index, default: 0]
        }
        let (image, former) = (images[index], SourceImage(seed: Int(images[index].seed) + 1, bytes: images[index].size))
        return tricks[index].answer(
            .init(
                image: Array(image.bytes), formerImage: Array(former.bytes), attempt: attempt,
                hop: numbers.count > 1 ? numbers[1] : 0, path: "/\(index)", rest: rest))
    }

    /// `bytes=100-`
    private static func rest(_ range: String, of image: SourceImage) -> Range<Int>? {
        let numbers = range.split { !$0.isNumber }.compactMap { Int($0) }
        guard let first = numbers.first, first < image.size else { return nil }
        return first..<(numbers.count > 1 ? numbers[1] + 1 : Int(image.size))
    }

    private static func certificates(_ kind: SourceTrick.Server, _ folder: URL) throws -> TestCertificates {
        let place = folder.appendingPathComponent("\(kind)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        switch kind {
        case .foreign: return try TestCertificates(in: place, names: "DNS:elsewhere.example,IP:127.9.9.9")
        case .expired: return try TestCertificates(in: place, daysAgo: 10)
        case .plain, .secure, .selfSigned: return try TestCertificates(in: place)
        }
    }

    private static func context(_ certificates: TestCertificates) throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(certificates.serverCertificate)
                    .map { .certificate($0) },
                privateKey: .privateKey(NIOSSLPrivateKey(file: certificates.serverKey, format: .pem))))
    }
}

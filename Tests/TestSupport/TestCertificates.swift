package import Foundation

/// An authority, and certificates by it for a server on loopback and for a client; PEM files, good for a day.
package struct TestCertificates: Sendable {
    package let authority: String
    package let serverCertificate: String
    package let serverKey: String
    package let clientCertificate: String
    package let clientKey: String

    /// Makes them with `openssl`.
    /// - Parameters:
    ///   - names: what the server's certificate is for, in the notation of `openssl`.
    ///   - daysAgo: when they were made; a day later they had expired.
    package init(in folder: URL, names: String = "DNS:localhost,IP:127.0.0.1", daysAgo: Int = 0) throws {
        func file(_ name: String) -> String { folder.appendingPathComponent(name).path }
        let log = folder.appendingPathComponent("openssl.log")
        func request(_ name: String, _ arguments: [String]) throws {
            let program = (daysAgo == 0 ? [] : ["faketime", "-f", "-\(daysAgo)d"]) + ["openssl"]
            try ServerProcess.run(
                program[0],
                program.dropFirst() + [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
                    "-days", "1", "-subj", "/CN=\(name)", "-keyout", file("\(name).key"), "-out", file("\(name).pem"),
                ] + arguments, log: log)
        }
        let signed = ["-CA", file("authority.pem"), "-CAkey", file("authority.key")]
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
        try request("authority", [])
        try request("server", signed + leaf + ["-addext", "subjectAltName=\(names)"])
        try request("client", signed + leaf)
        authority = file("authority.pem")
        (serverCertificate, serverKey) = (file("server.pem"), file("server.key"))
        (clientCertificate, clientKey) = (file("client.pem"), file("client.key"))
    }
}

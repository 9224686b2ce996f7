import Glibc
package import ImportModel
import Logging
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// The service's certificate and key, as they lie in two files, for as long as nobody replaces them there.
package final class ServerCertificate: Sendable {
    /// Tells whether a file is the one that was read. Links are followed.
    private struct Stamp: Equatable {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var bytes: Int64 = 0
        var seconds = 0
        var nanoseconds = 0

        /// All zero for a file that is not there.
        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            bytes = Int64(status.st_size)
            // Of who may read it, too.
            (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
        }
    }

    private struct State {
        var context: NIOSSLContext
        /// Of the pair that was looked at last, whether it can be used or not.
        var stamps: [Stamp]
    }

    private let certificateFile: String
    private let keyFile: String
    private let state: Mutex<State>

    /// Reads both files; blocks while it does so.
    /// - Throws: `InvalidValue`, which names the files and says what is wrong with them.
    package init(certificateFile: String, keyFile: String) throws(InvalidValue) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        let stamps = [Stamp(certificateFile), Stamp(keyFile)]
        state = Mutex(State(context: try Self.read(certificateFile, keyFile), stamps: stamps))
    }

    /// For the next connection.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Takes the pair that lies there now, if it is another one. Blocks while it reads.
    /// - Returns: whether it was another one.
    /// - Throws: `InvalidValue` for a pair that cannot be used, once; the old one stays.
    package func reload() throws(InvalidValue) -> Bool {
        let stamps = [Stamp(certificateFile), Stamp(keyFile)]
        let isNew = state.withLock { state in
            defer { state.stamps = stamps }
            return state.stamps != stamps
        }
        guard isNew else { return false }
        let context = try Self.read(certificateFile, keyFile)
        state.withLock { $0.context = context }
        return true
    }

    /// When the certificate of the service expires, in seconds since 1970. Blocks while it reads.
    /// - Throws: `InvalidValue`
    package static func expiry(of certificateFile: String) throws(InvalidValue) -> Int {
        do {
            guard let leaf = try NIOSSLCertificate.fromPEMFile(certificateFile).first else {
                throw NIOSSLError.failedToLoadCertificate
            }
            return Int(leaf.notValidAfter)
        } catch {
            throw InvalidValue("\(certificateFile) has no certificate that can be read (\(error)); it must be PEM")
        }
    }

    private static func read(_ certificateFile: String, _ keyFile: String) throws(InvalidValue) -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificateFile)
            let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw InvalidValue(
                "the certificate in \(certificateFile) and the key in \(keyFile) cannot be used together (\(error)); "
                    + "both must be PEM, the certificate of the service first in its file, and the key that of this "
                    + "certificate")
        }
    }
}

/// Looks every few seconds whether somebody has put another certificate in place.
struct CertificateWatch: Service {
    let certificate: ServerCertificate
    let interval: Duration
    let logger: Logger

    func run() async {
        // The stop is the only thing that ends it.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: interval)
                do {
                    let isNew = try await NIOThreadPool.singleton.runIfActive { try certificate.reload() }
                    if isNew { logger.notice("the certificate was read anew") }
                } catch let error as InvalidValue {
                    logger.error("the old certificate stays in use", metadata: ["cause": "\(error.message)"])
                }
            }
        }
    }
}

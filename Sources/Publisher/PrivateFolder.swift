import Foundation

/// A folder that nobody else may look into, for the time of one piece of work. Everything in it blocks.
struct PrivateFolder {
    let path: String

    init() throws(PublisherError) {
        let base = FileManager.default.temporaryDirectory.path
        var template = Array("\(base)/longshore-signature-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Self.failure("made", errno) }
        path = String(cString: made)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ bytes: [UInt8], to name: String) throws(PublisherError) {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("written", errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Self.failure("written", errno) }
            done += count
        }
    }

    func read(_ name: String, atMost limit: Int) throws(PublisherError) -> [UInt8] {
        let descriptor = open(file(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Self.failure("read", errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw Self.failure("read", errno) }
            if count == 0 { return Array(bytes.prefix(done)) }
            done += count
        }
        throw .refused("the signed text is longer than \(limit) bytes; give the image's checksum itself")
    }

    func remove() {
        // What is left behind is small, private and in a folder that the system cleans.
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func failure(_ what: String, _ code: CInt) -> PublisherError {
        .passing(
            "the signature's temporary file cannot be \(what): \(String(cString: strerror(code))); look at the disk")
    }
}

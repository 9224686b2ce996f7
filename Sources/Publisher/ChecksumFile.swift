package import ImportModel

/// A file of checksums as publishers put it beside their images: `SHA256SUMS`, `CHECKSUM`, `image.qcow2.sha256` …
///
/// Lines of the GNU tools (`hex  name`), of the BSD tools and of `openssl` (`SHA256 (name) = hex`) are understood, and a
/// file that has nothing but a digest. All other lines are passed over: comments, and the armour of a signature.
package struct ChecksumFile: Hashable, Sendable {
    private let entries: [ChecksumLine]
    /// For messages; redacted.
    private let url: String

    /// - Parameter url: where it comes from, redacted.
    package init(_ bytes: some Sequence<UInt8>, url: String) {
        self.url = url
        entries = Array(bytes).split(separator: UInt8(ascii: "\n")).compactMap {
            ChecksumLine(String(decoding: $0, as: UTF8.self))
        }
    }

    /// The digest that the file names for an image.
    ///
    /// An entry is the image's when its path, all of it, is the end of the path of one of `urls`. The first URL that has
    /// an entry counts, of its entries those with the longest path, and of these the strongest algorithm.
    ///
    /// - Parameter urls: where the image was asked for, and where it was found in the end.
    /// - Throws: `PublisherError.refused` where the file has no such entry, or several that differ.
    package func digest(of urls: [String]) throws(PublisherError) -> ExpectedDigest {
        guard !entries.isEmpty else {
            throw .refused("\(url): no line of it is a checksum; check the URL of the checksums")
        }
        let named = entries.filter { !$0.path.isEmpty }
        // A digest without a name says all that there is to say, if nothing else is said.
        if named.isEmpty { return try choose(entries, for: "the image") }
        for path in urls.map(ChecksumPath.init(url:)) {
            let matching = named.filter { path.ends(with: $0.path) }
            guard let depth = matching.map(\.path.components.count).max() else { continue }
            return try choose(matching.filter { $0.path.components.count == depth }, for: "'\(path.name)'")
        }
        let names = urls.map { "'\(ChecksumPath(url: $0).name)'" }
        let wanted = names.first == names.last ? names.prefix(1) : names[...]
        throw .refused(
            "\(url): no entry for \(wanted.joined(separator: " or ")) among its \(named.count); "
                + "check the URL of the checksums, and that it belongs to the image")
    }

    private func choose(_ entries: [ChecksumLine], for name: String) throws(PublisherError) -> ExpectedDigest {
        for algorithm in [DigestAlgorithm.sha512, .sha256, .md5] {
            let digests = Set(entries.filter { $0.algorithm == .known(algorithm) }.map(\.hex))
            guard let hex = digests.first else { continue }
            guard digests.count == 1 else {
                throw .refused(
                    "\(url): \(digests.count) different \(algorithm.rawValue) digests for \(name); "
                        + "give the right one as checksum instead")
            }
            do { return try ExpectedDigest(parsing: "\(algorithm.rawValue):\(hex)") } catch {
                throw .refused("\(url): \(error.message)")
            }
        }
        throw .refused(
            "\(url): \(name) has only digests of other kinds than md5, sha256 and sha512; give one of these as checksum"
        )
    }
}

import AsyncHTTPClient
package import DiskImage
import Foundation
package import ImportModel
import NIOCore
import NIOHTTP1

/// Finds an image's disk format for a user who did not name it.
///
/// The bytes decide. An extension decides only where bytes cannot: for what no mark at the beginning gives away, and
/// for an URL that this machine cannot read although a worker perhaps can.
package enum FormatProbe {
    /// The `disk_format` for `source`, or an `InvalidValue` that says to name one.
    package static func diskFormat(of source: ImportSource, _ client: ServiceClient) async throws -> String {
        switch source {
        case .file(let path):
            let file = try await LocalFile.open(path)
            let header = try await file.read(at: 0, count: DiskImageFormat.headerLength)
            return try decide(source, header: DiskImageFormat(header: header.readableBytesView))
        case .url(let url):
            return try decide(source, header: try await header(of: url, client.web))
        }
    }

    /// The decision by what the header showed; `nil`: it could not be read.
    package static func decide(_ source: ImportSource, header: DiskImageFormat?) throws(InvalidValue) -> String {
        let shown = source.description
        if let name = header?.imageAPIName { return name }
        if header == .qed { throw InvalidValue("'\(shown)' is a QED image, which is never accepted; convert it first") }
        let byExtension = formatsByExtension[source.pathExtension]
        if header == nil {
            if let byExtension { return byExtension }
            throw InvalidValue(
                "the disk format of '\(shown)' could not be found: its first bytes cannot be read from here "
                    + "and its extension does not tell; give --disk-format")
        }
        // A fixed-size VHD has its mark at the end; all other formats would have been seen.
        if let byExtension, byExtension == "raw" || byExtension == "vhd" { return byExtension }
        if let byExtension {
            throw InvalidValue(
                "'\(shown)' is called \(byExtension) but does not begin like one; "
                    + "see that it is the right file, or give --disk-format")
        }
        throw InvalidValue("the disk format of '\(shown)' could not be recognised; give --disk-format")
    }

    private static let formatsByExtension = [
        "qcow2": "qcow2", "qcow": "qcow2", "vmdk": "vmdk", "vhd": "vhd", "vpc": "vhd", "vhdx": "vhdx", "vdi": "vdi",
        "iso": "iso", "raw": "raw", "img": "raw", "luks": "raw",
    ]

    /// What the first bytes behind an URL look like; `nil` if they cannot be had.
    private static func header(of url: String, _ web: HTTPClient) async throws -> DiskImageFormat? {
        guard var parts = URLComponents(string: url) else { return nil }
        let (user, password) = (parts.user, parts.password)
        parts.user = nil
        parts.password = nil
        parts.fragment = nil
        guard let plain = parts.string else { return nil }
        var request = HTTPClientRequest(url: plain)
        request.headers.add(name: "Range", value: "bytes=0-\(DiskImageFormat.headerLength - 1)")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        request.headers.add(name: "User-Agent", value: "longshore")
        if let user { request.setBasicAuth(username: user, password: password ?? "") }
        do {
            let response = try await web.execute(request, timeout: .seconds(10))
            guard response.status == .ok || response.status == .partialContent else { return nil }
            var bytes = ByteBuffer()
            // A server without ranges sends everything; what is not read is not fetched.
            for try await var piece in response.body {
                bytes.writeBuffer(&piece)
                if bytes.readableBytes >= DiskImageFormat.headerLength { break }
            }
            return DiskImageFormat(header: bytes.readableBytesView)
        } catch {
            try Task.checkCancellation()
            // Not being able to look is no failure: the extension may tell, and the import itself is a worker's task.
            return nil
        }
    }
}

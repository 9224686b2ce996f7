import Foundation
package import ImportModel

/// Where an image's bytes come from: an URL that a worker fetches, or a file of this machine that is uploaded.
package enum ImportSource: Hashable, Sendable, CustomStringConvertible {
    case url(String)
    case file(path: String)

    /// Reads an `http(s)` URL, a `file://` URL or a path.
    package init(parsing text: String) throws(InvalidValue) {
        guard let scheme = Self.scheme(of: text) else {
            guard !text.isEmpty else { throw InvalidValue("a source is empty; give an URL or the path of a file") }
            self = .file(path: text)
            return
        }
        switch scheme {
        case "http", "https":
            guard let host = URLComponents(string: text)?.host, !host.isEmpty else {
                throw InvalidValue("source '\(SafeText.url(text))' is not a valid URL")
            }
            self = .url(text)
        case "file":
            guard let url = URL(string: text), url.isFileURL, !url.path.isEmpty else {
                throw InvalidValue("source '\(SafeText.url(text))' does not name a file")
            }
            self = .file(path: url.path)
        default:
            throw InvalidValue(
                "source '\(SafeText.url(text))' begins with '\(SafeText.line(scheme))://'; "
                    + "sources are http and https URLs and files")
        }
    }

    /// The source without secrets, for people.
    package var description: String {
        switch self {
        case .url(let url): SafeText.url(url)
        case .file(let path): SafeText.line(path)
        }
    }

    /// The last part of the path, decoded; the host for an URL without a path.
    package var lastComponent: String {
        switch self {
        case .file(let path):
            return URL(fileURLWithPath: path).lastPathComponent
        case .url(let url):
            guard let parts = URLComponents(string: url) else { return "" }
            let name = parts.path.split(separator: "/").last.map(String.init) ?? ""
            return name.isEmpty ? parts.host ?? "" : name
        }
    }

    /// A name for the image: the last component without the extensions of disk images and of compression.
    package var defaultName: String {
        let whole = lastComponent
        var name = Substring(whole)
        for extensions in [Self.compressionExtensions, Self.formatExtensions] {
            guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
                extensions.contains(name[name.index(after: dot)...].lowercased())
            else { continue }
            name = name[..<dot]
        }
        return String(name)
    }

    /// The extension in lower case; empty if there is none.
    var pathExtension: String {
        let name = lastComponent
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    static let compressionExtensions: Set<String> = ["gz", "xz", "bz2", "zst", "lzma", "zip"]
    private static let formatExtensions: Set<String> = [
        "qcow2", "img", "raw", "iso", "vmdk", "vhd", "vhdx", "vdi", "qcow", "qed", "luks",
    ]

    private static func scheme(of text: String) -> String? {
        guard let mark = text.range(of: "://") else { return nil }
        let scheme = text[..<mark.lowerBound]
        // A path may hold "://" as well, but not right after a single word.
        guard let first = scheme.first, first.isASCII, first.isLetter,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        return scheme.lowercased()
    }
}

/// A source and the name that its image shall have.
package struct NamedSource: Hashable, Sendable {
    package var source: ImportSource
    package var name: String

    package init(_ source: ImportSource, name: String? = nil) {
        self.source = source
        self.name = name ?? source.defaultName
    }

    /// Reads a list: a source per line, and after a tab or (in lines without one) blanks the image's name. Empty lines
    /// and lines that begin with `#` are left out.
    package static func list(_ text: String) throws(InvalidValue) -> [NamedSource] {
        var sources: [NamedSource] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, raw) in lines.enumerated() {
            let line = raw.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let isSeparator: (Character) -> Bool = line.contains("\t") ? { $0 == "\t" } : { $0 == " " }
            let columns = line.split(maxSplits: 1, whereSeparator: isSeparator)
            let name = columns.count == 2 ? columns[1].trimmingCharacters(in: .whitespaces) : ""
            do {
                let source = try ImportSource(parsing: columns.first.map { String($0) } ?? "")
                sources.append(NamedSource(source, name: name.isEmpty ? nil : name))
            } catch {
                throw InvalidValue("line \(index + 1): \(error.message)")
            }
        }
        return sources
    }
}

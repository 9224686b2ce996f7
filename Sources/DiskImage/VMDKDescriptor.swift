/// The text in a VMDK that says what kind of disk it is, and in which files its data lies.
///
/// Readers find keys by searching the text, so that a key counts wherever it stands: every line has to be of a known
/// kind, and what carries a path is refused wherever it is.
enum VMDKDescriptor {
    private static let offset: UInt64 = 512
    private static let convert = "convert it with 'qemu-img convert -O vmdk'"
    private static let keys = ["version", "encoding", "cid", "parentcid", "isnativesnapshot", "createtype"]

    /// `sectors` is the size that the header claims for the text, which ends at its first zero.
    static func examine(_ head: FileWindow, sectors: UInt64, _ evidence: inout Evidence) {
        evidence.needs("its descriptor", at: offset, sectors.times(512))
        let text = head.bytes.dropFirst(Int(offset)).prefix { $0 != 0 }.lowercased
        if UInt64(text.count) > sectors.times(512) || text.count + Int(offset) >= head.bytes.count {
            evidence.refuse(
                "descriptor-end", at: offset, "its descriptor does not end within its \(sectors) sectors",
                because: "readers would disagree about where it ends")
            return
        }
        guard text.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else {
            evidence.refuse("descriptor-text", at: offset, "its descriptor is not plain ASCII text")
            return
        }
        examine(lines: String(decoding: text, as: UTF8.self), &evidence)
    }

    private static func examine(lines text: String, _ evidence: inout Evidence) {
        if text.occurrences(of: "parent") != text.occurrences(of: "parentcid") {
            evidence.refuse(
                "parent", at: offset, "its descriptor names a parent disk",
                because: "a hypervisor would read that file of its host as part of the disk", convert)
        }
        var extents = 0
        var type: String?
        // "\r\n" is one character of a string, and a newline.
        for part in text.split(whereSeparator: \.isNewline) {
            let line = part.trimmed
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix("ddb") { continue }
            if let key = line.firstIndex(of: "=").map({ line[..<$0].trimmed }), keys.contains(String(key)) {
                let value = line.drop { $0 != "=" }.dropFirst().trimmed
                if key == "createtype" { type = value.unquoted }
                if key == "parentcid", value != "ffffffff" {
                    evidence.refuse(
                        "parent", at: offset, "its descriptor speaks of a parent disk (\(value.prefix(16)))",
                        because: "a hypervisor would look for that file on its host", convert)
                }
            } else if ["rw", "rdonly", "noaccess"].contains(line.prefix { !$0.isWhitespace }) {
                extents += 1
                examine(extent: line, &evidence)
            } else {
                evidence.refuse(
                    "descriptor-line", at: offset, "its descriptor has an unknown line '\(line.prefix(40))'",
                    because: "what it makes a reader do cannot be checked", convert)
            }
        }
        if extents != 1 {
            evidence.refuse(
                "extents", at: offset, "its descriptor names \(extents) extents instead of the file itself",
                because: "a hypervisor would open the files that are named, on its host", convert)
        }
        if text.occurrences(of: "createtype") != 1 || (type != "monolithicsparse" && type != "streamoptimized") {
            evidence.refuse(
                "create-type", at: offset, "it is a disk of type '\((type ?? "").prefix(40))'",
                because: "only monolithicSparse and streamOptimized hold all data in one file", convert)
        }
    }

    /// As `rw 20480 sparse "disk.vmdk"`.
    private static func examine(extent line: Substring, _ evidence: inout Evidence) {
        let words = line.split(maxSplits: 3, whereSeparator: \.isWhitespace)
        let name = words.count == 4 ? words[3].unquoted : nil
        guard words.count == 4, UInt64(words[1]) != nil, words[2] == "sparse", let name, !name.isEmpty,
            !name.contains(where: { "/\\:\"".contains($0) })
        else {
            evidence.refuse(
                "extent", at: offset, "its descriptor has the extent '\(line.prefix(60))'",
                because: "a hypervisor would open what is named there, on its host", convert)
            return
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// What is between two quotes; `nil` if it is not quoted.
    fileprivate var unquoted: String? {
        count >= 2 && hasPrefix("\"") && hasSuffix("\"") ? String(dropFirst().dropLast()) : nil
    }
}

extension String {
    fileprivate func occurrences(of word: String) -> Int { ranges(of: word).count }
}

import DiskImage

/// The bytes of images, which come from anybody: any of them end in a verdict, and in the same one for any pieces.
enum ImageTarget {
    /// Where the metadata of the VHDX in the corpus begins: the empty part before it is left out of inputs.
    private static let vhdxMetadata = 3 << 20
    private static let vhdxHeaders = 266_240

    static func check(_ input: [UInt8]) throws(Violation) {
        var (whole, pieces) = (DiskImageInspector(), DiskImageInspector())
        if input.starts(with: "vhdxfile".utf8), input.count > vhdxHeaders {
            let empty = [UInt8](repeating: 0, count: vhdxMetadata - vhdxHeaders)
            let (head, rest) = (Array(input.prefix(vhdxHeaders)), Array(input.dropFirst(vhdxHeaders)))
            (head + empty + rest).withUnsafeBytes { whole.update($0) }
            for part in [head, empty, rest] { part.withUnsafeBytes { pieces.update($0) } }
        } else {
            input.withUnsafeBytes { bytes in
                whole.update(bytes)
                var place = 0
                while place < bytes.count {
                    let end = min(bytes.count, place + 1 + place % 4099)
                    pieces.update(UnsafeRawBufferPointer(rebasing: bytes[place..<end]))
                    place = end
                }
            }
        }
        let inspection = whole.finish()
        try require(inspection == pieces.finish(), "the pieces made a difference")
        for name in ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "luks", "aki"] {
            guard case .accepted = inspection.verdict(declared: name, container: "bare") else { continue }
            try require(
                whole.certainRefusal(declared: name, container: "bare") == nil,
                "refused early as \(name), and accepted")
        }
    }
}

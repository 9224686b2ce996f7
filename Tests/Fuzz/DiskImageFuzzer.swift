// Compiled together with the sources of DiskImage by Tests/Fuzz/run.

/// Where the metadata of the VHDX in the corpus begins: the empty part before it is left out of inputs.
private let vhdxMetadata = 3 << 20
private let vhdxHeaders = 266_240

/// One input of libFuzzer: any image has to end in a verdict, and in the same one for any pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    let isVHDX = input.starts(with: "vhdxfile".utf8) && count > vhdxHeaders
    var (whole, pieces) = (DiskImageInspector(), DiskImageInspector())
    if isVHDX {
        let empty = [UInt8](repeating: 0, count: vhdxMetadata - vhdxHeaders)
        let (head, rest) = (Array(input.prefix(vhdxHeaders)), Array(input.dropFirst(vhdxHeaders)))
        (head + empty + rest).withUnsafeBytes { whole.update($0) }
        for part in [head, empty, rest] { part.withUnsafeBytes { pieces.update($0) } }
    } else {
        whole.update(input)
        var place = 0
        while place < count {
            let end = min(count, place + 1 + place % 4099)
            pieces.update(UnsafeRawBufferPointer(rebasing: input[place..<end]))
            place = end
        }
    }
    let inspection = whole.finish()
    precondition(inspection == pieces.finish(), "the pieces made a difference")
    for name in ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "luks", "aki"] {
        guard case .accepted = inspection.verdict(declared: name, container: "bare") else { continue }
        precondition(
            whole.certainRefusal(declared: name, container: "bare") == nil, "refused early as \(name), and accepted")
    }
    return 0
}

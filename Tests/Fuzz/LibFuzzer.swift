// Compiled together with the targets by Tests/Fuzz/build. The name that the program is called by selects the target.

private let target: FuzzTarget = {
    let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        fatalError("'\(name)' is no target; there are \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
}()

/// One input of libFuzzer, which takes the end of the process for a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try target.check(Array(UnsafeRawBufferPointer(start: start, count: count)))
    } catch {
        fatalError("VIOLATION \(error)")
    }
    return 0
}

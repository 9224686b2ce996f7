import ChildProcess
import Glibc

extension ImageConverter {
    /// What the end of the program means.
    ///
    /// - Parameter words: what it said.
    /// - Throws: `ConversionError` unless there is a result.
    func judge(_ exit: LimitedProcess.Exit, _ words: String) throws(ConversionError) {
        let what = "the conversion to \(format)"
        let said = words.isEmpty ? "" : ": \(words)"
        switch exit {
        case .code(0): return
        case .timedOut:
            throw .passing(
                "\(what) took longer than \(limits.patience.components.seconds) s; raise import.convert.timeout, or "
                    + "give the machine less to do")
        case .tooTalkative:
            throw .refused("\(what) was ended, since qemu-img would not stop talking\(said); check the image")
        case .signal(SIGXCPU):
            throw .refused(
                "\(what) took more than \(limits.processorTime.components.seconds) s of the processor; if the image is "
                    + "meant to be so, raise import.convert.max-cpu")
        case .signal(SIGXFSZ): throw tooLarge
        case .signal(SIGKILL):
            throw .passing("qemu-img was killed in \(what); look whether the machine ran out of memory")
        case .signal(SIGABRT), .signal(SIGTRAP):
            throw outOfMemory(said)
        case .signal(let signal):
            throw .refused("qemu-img crashed (signal \(signal)) in \(what)\(said); check the image")
        case .code:
            // The end of its last words is its own: names out of the image are quoted before it.
            func ends(with code: CInt) -> Bool { words.hasSuffix(": \(String(cString: strerror(code)))") }
            if ends(with: ENOSPC) || ends(with: EDQUOT) {
                throw .passing("there was no room for \(what)\(said); make room in import.scratch")
            }
            if ends(with: EFBIG) { throw tooLarge }
            if ends(with: ENOMEM) { throw outOfMemory(said) }
            throw .refused("\(what) failed\(said); check the image")
        }
    }

    private var tooLarge: ConversionError {
        .refused(
            "the image would have more than \(limits.maxBytes) bytes as \(format); if it is meant to be so, raise "
                + "import.convert.max-bytes")
    }

    private func outOfMemory(_ said: String) -> ConversionError {
        .refused(
            "the conversion to \(format) came to its end with \(limits.maxMemoryBytes) bytes of memory\(said); if the "
                + "image is meant to be so, raise import.convert.max-memory")
    }
}

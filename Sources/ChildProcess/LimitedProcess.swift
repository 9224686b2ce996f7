import CProcess
import Glibc
import Synchronization

/// A program that reads what strangers wrote: with limits, without an environment, without a network where the machine
/// allows that, and never for long. It ends with this process, however that ends.
package final class LimitedProcess: Sendable {
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
        case timedOut
        /// It wrote more than anybody wants to read.
        case tooTalkative
    }

    /// Why no program was started.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let code: CInt

        package var description: String {
            "no process can be started (\(String(cString: strerror(code)))); look at the machine's limits"
        }
    }

    private let words: [String]
    private let limits: ProcessLimits
    private let descriptors: [CInt]
    private let state = Mutex(State())

    private struct Pipe {
        let source: CInt
        let sink: CInt

        init() throws(Failure) {
            var ends: [CInt] = [0, 0]
            guard cprocess_pipe(&ends) == 0 else { throw Failure(code: errno) }
            (source, sink) = (ends[0], ends[1])
        }
    }

    private struct State {
        /// Running, and not waited for yet.
        var process: pid_t?
        var isEnded = false
        var networkError: CInt = 0
    }

    /// - Parameters:
    ///   - words: the program, as an absolute path, and its arguments.
    ///   - descriptors: what it has open besides, from 3 on. To be kept open until it has run.
    package init(_ words: [String], limits: ProcessLimits, descriptors: [CInt] = []) {
        self.words = words
        self.limits = limits
        self.descriptors = descriptors
    }

    /// Why the program could reach a network; `nil` where it could not.
    package var networkError: String? {
        let code = state.withLock(\.networkError)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// Kills the program, and whatever it has started, at once; from any thread, also before it runs.
    package func end() {
        state.withLock { state in
            state.isEnded = true
            if let process = state.process { kill(-process, SIGKILL) }
        }
    }

    /// Runs the program to its end, on this thread, which it blocks. To be called once.
    ///
    /// - Parameters:
    ///   - maxOutput: bytes that it may write to its standard output, and to its standard error if somebody reads that.
    ///   - complaints: told what it writes to its standard error, which is lost else.
    ///   - observe: told what it writes to its standard output, as it comes; and nothing, twice a second.
    /// - Returns: how it ended; nothing of it is left.
    package func run(
        maxOutput: Int, complaints: ((ArraySlice<UInt8>) -> Void)? = nil, observe: (ArraySlice<UInt8>) -> Void
    ) throws(Failure) -> Exit {
        let output = try Pipe()
        defer { close(output.source) }
        var errors: Pipe?
        do throws(Failure) {
            defer {
                close(output.sink)
                if let errors { close(errors.sink) }
            }
            if complaints != nil { errors = try Pipe() }
            try start(output: output.sink, errors: errors?.sink)
        } catch {
            if let errors { close(errors.source) }
            throw error
        }
        defer { if let errors { close(errors.source) } }
        let deadline = ContinuousClock.now + limits.patience
        let early = read(output.source, errors?.source, atMost: maxOutput, until: deadline) { bytes, isComplaint in
            if isComplaint { complaints?(bytes) } else { observe(bytes) }
        }
        if let early {
            end()
            _ = wait(until: nil)
            return early
        }
        return wait(until: deadline)
    }

    private func start(output: CInt, errors: CInt?) throws(Failure) {
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nothing >= 0 else { throw Failure(code: errno) }
        defer { close(nothing) }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        let inherited = [nothing, output, errors ?? nothing] + descriptors
        let bounds: [(CInt, Int64)] = [
            (CInt(RLIMIT_CPU.rawValue), Int64(limits.processorSeconds)), (CInt(RLIMIT_CORE.rawValue), 0),
            (CInt(RLIMIT_FSIZE.rawValue), limits.fileBytes), (CInt(RLIMIT_AS.rawValue), limits.memoryBytes),
            (CInt(RLIMIT_NOFILE.rawValue), Int64(limits.openFiles)),
        ]
        let limits = bounds.map { cprocess_limit(resource: $0.0, value: rlim_t(max(0, $0.1))) }
        // Under the lock: whoever ends the program has to find it, or to be found here.
        try state.withLock { state throws(Failure) in
            guard !state.isEnded else { throw Failure(code: ECANCELED) }
            let process = arguments.withUnsafeMutableBufferPointer { arguments in
                inherited.withUnsafeBufferPointer { inherited in
                    limits.withUnsafeBufferPointer { limits in
                        var order = cprocess_order(
                            arguments: arguments.baseAddress, descriptors: inherited.baseAddress,
                            descriptor_count: CInt(inherited.count), limits: limits.baseAddress,
                            limit_count: CInt(limits.count), leaves_network: 1)
                        return cprocess_start(&order, &state.networkError)
                    }
                }
            }
            guard process > 0 else { throw Failure(code: errno) }
            state.process = process
        }
    }

    /// Reads to the end of what it writes; how it is to end, if that did not come in time or there is too much.
    private func read(
        _ output: CInt, _ errors: CInt?, atMost limit: Int, until deadline: ContinuousClock.Instant,
        _ observe: (ArraySlice<UInt8>, _ isComplaint: Bool) -> Void
    ) -> Exit? {
        var piece = [UInt8](repeating: 0, count: 1 << 14)
        var total = 0
        // One that has ended is minus one, which `poll` passes over.
        var wanted = [output, errors ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while total <= limit {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return .timedOut }
            let pause = CInt(min(left, .milliseconds(500)) / .milliseconds(1)) + 1
            guard poll(&wanted, nfds_t(wanted.count), pause) > 0 else {
                observe([], false)
                continue
            }
            for index in wanted.indices where wanted[index].fd >= 0 && wanted[index].revents != 0 {
                let count = Glibc.read(wanted[index].fd, &piece, piece.count)
                if count == 0 { wanted[index].fd = -1 }
                guard count > 0 else { continue }
                total += count
                observe(piece[..<count], index == 1)
            }
            if wanted.allSatisfy({ $0.fd < 0 }) { return nil }
        }
        return .tooTalkative
    }

    /// Waits for the end, and kills what goes on behind the deadline.
    private func wait(until deadline: ContinuousClock.Instant?) -> Exit {
        var isLate = false
        while true {
            var status: CInt = 0
            let isOver = state.withLock { state in
                // Not waited for outside of the lock: a number that is free may be another process's next.
                guard let process = state.process else { return true }
                let ended = waitpid(process, &status, WNOHANG)
                if ended == 0 || (ended < 0 && errno == EINTR) { return false }
                // Somebody else has waited for it: how it ended is not known, so not as it should.
                if ended < 0 { status = 127 << 8 }
                state.process = nil
                return true
            }
            if isOver {
                if isLate { return .timedOut }
                return status & 0x7f == 0 ? .code((status >> 8) & 0xff) : .signal(status & 0x7f)
            }
            if let deadline, !isLate, ContinuousClock.now >= deadline {
                isLate = true
                end()
            }
            usleep(2_000)
        }
    }
}

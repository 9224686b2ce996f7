import Glibc
import ImageStorage
import NIOCore

/// Makes blocks out of a compressed stream and holds it to its limits.
struct Decompressor {
    /// What one step gave.
    struct Step: Sendable {
        /// What is to be handed in again; empty when the next piece is wanted.
        var rest: ByteBuffer
        var block: ByteBuffer?
        var isOver = false
    }

    /// Members that follow one another take a turn each.
    private static let mostTurns = 64

    private let format: CompressedFormat
    private let limits: DecompressionLimits
    private let blockBytes: Int
    private let decoder: any StreamDecoder
    private var output = ByteBuffer()
    private var spares = SpareBlocks()
    private var taken: Int64 = 0
    private var given: Int64 = 0
    private var time = Duration.zero

    /// - Throws: `PipelineError.noMemory`.
    init(_ format: CompressedFormat, _ limits: DecompressionLimits, blockBytes: Int) throws(PipelineError) {
        self.format = format
        self.limits = limits
        self.blockBytes = blockBytes
        decoder = try format.makeDecoder(limits)
    }

    /// Decompresses until a block is full or `input` is empty, or for a number of members: some 10 ms, of xz at
    /// worst some 100.
    /// - Parameter isLast: nothing comes any more, and `input` is empty.
    mutating func step(_ input: ByteBuffer, isLast: Bool) throws(PipelineError) -> Step {
        var step = Step(rest: input)
        let began = threadTime()
        var turns = 0
        repeat {
            turns += 1
            if output.capacity == 0 { output = spares.take(capacity: blockBytes) }
            let (inputBefore, outputBefore) = (step.rest.readableBytes, output.readableBytes)
            step.isOver = try decoder.decode(
                &step.rest, into: &output, room: blockBytes - outputBefore, isLast: isLast)
            taken += Int64(inputBefore - step.rest.readableBytes)
            given += Int64(output.readableBytes - outputBefore)
            try limits.check(format, input: taken, output: given)
        } while !step.isOver && output.readableBytes < blockBytes && (isLast || step.rest.readableBytes > 0)
            && turns < Self.mostTurns
        time += threadTime() - began
        try limits.check(format, time: time)
        if output.readableBytes == blockBytes || (step.isOver && output.readableBytes > 0) {
            step.block = output
            spares.lend(output)
            output = ByteBuffer()
        }
        return step
    }
}

/// What this thread has had of a processor.
private func threadTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

import NIOCore

/// A decompressor in the midst of its stream. Blocks its thread: not for the cooperative pool.
protocol StreamDecoder: AnyObject {
    /// Takes from `input` and adds to `output`, until either is exhausted.
    ///
    /// - Parameters:
    ///   - room: how much may be added; more than 0.
    ///   - isLast: nothing comes any more, and `input` is empty; called on until the end.
    /// - Returns: Whether this is the end. What `input` has left then is not part of the stream.
    func decode(
        _ input: inout ByteBuffer, into output: inout ByteBuffer, room: Int, isLast: Bool
    ) throws(PipelineError) -> Bool
}

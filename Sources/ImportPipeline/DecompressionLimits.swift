/// What decompressing one image may cost. The size of the result is bounded as that of any image.
package struct DecompressionLimits: Hashable, Sendable {
    /// Output for each byte of input, once there is more output than `ratioFreeBytes`.
    package var maxRatio: Int64 = 200
    /// A small image may consist of nothing but zeros.
    package var ratioFreeBytes: Int64 = 64 << 20
    /// What xz and zstd may take for what they look back at; gzip, bzip2 and zip need 4 MiB at most.
    package var maxMemoryBytes: Int64 = 128 << 20

    /// Of a processor: small members and odd headers can make little data a lot of work.
    package var maxTime: Duration = .seconds(4 * 3600)

    package init() {}

    func check(_ format: CompressedFormat, time: Duration) throws(PipelineError) {
        guard time > maxTime else { return }
        throw .refusedCompression(
            reason: "decompressing the \(format.rawValue) data takes a processor longer than "
                + "\(maxTime.components.seconds) s; compress it in another way, or raise import.decompress.max-time")
    }

    func check(_ format: CompressedFormat, input: Int64, output: Int64) throws(PipelineError) {
        guard output > ratioFreeBytes, output / max(maxRatio, 1) > input else { return }
        throw .refusedCompression(
            reason: "the \(format.rawValue) data expands to more than \(maxRatio) times its size "
                + "(\(input) bytes gave \(output)); if that is meant to be, raise import.decompress.max-ratio")
    }
}

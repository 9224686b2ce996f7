/// What converting one image may cost.
package struct ConversionLimits: Hashable, Sendable {
    /// Of the image before it is converted, and of the image after.
    package var maxBytes: Int64 = 256 << 30
    /// What one byte may become, in a result of more than `ratioFreeBytes`.
    package var maxRatio: Int64 = 200
    /// Empty disks are as small as nothing, and made on purpose.
    package var ratioFreeBytes: Int64 = 16 << 30
    /// Of addresses, used or not.
    package var maxMemoryBytes: Int64 = 2 << 30
    /// On the processor.
    package var processorTime: Duration = .seconds(3600)
    /// By the clock on the wall.
    package var patience: Duration = .seconds(2 * 3600)

    package init() {}

    /// A result is mostly holes at first, which are bytes like others once they are stored.
    func check(source: Int64, result: Int64, _ format: String) throws(ConversionError) {
        guard result > ratioFreeBytes, result / max(maxRatio, 1) > source else { return }
        throw .refused(
            "the image of \(source) bytes has \(result) as \(format), which is more than \(maxRatio) times as many; if "
                + "it is meant to be so, raise import.convert.max-ratio")
    }
}

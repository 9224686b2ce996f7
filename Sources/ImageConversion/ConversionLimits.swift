/// What converting one image may cost.
package struct ConversionLimits: Hashable, Sendable {
    /// Of the image before it is converted, and of the image after.
    package var maxBytes: Int64 = 256 << 30
    /// Of addresses, used or not.
    package var maxMemoryBytes: Int64 = 2 << 30
    /// On the processor.
    package var processorTime: Duration = .seconds(3600)
    /// By the clock on the wall.
    package var patience: Duration = .seconds(2 * 3600)

    package init() {}
}

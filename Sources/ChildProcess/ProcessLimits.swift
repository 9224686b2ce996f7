/// What a program may take of its machine.
package struct ProcessLimits: Hashable, Sendable {
    /// Seconds of the processor.
    package var processorSeconds: Int
    /// Of addresses, used or not: what `ulimit -v` speaks of.
    package var memoryBytes: Int64
    /// Of any file that it writes.
    package var fileBytes: Int64
    package var openFiles: Int
    /// How long it may take; then it is killed.
    package var patience: Duration

    package init(
        processorSeconds: Int, memoryBytes: Int64, fileBytes: Int64, openFiles: Int = 64, patience: Duration
    ) {
        self.processorSeconds = processorSeconds
        self.memoryBytes = memoryBytes
        self.fileBytes = fileBytes
        self.openFiles = openFiles
        self.patience = patience
    }
}

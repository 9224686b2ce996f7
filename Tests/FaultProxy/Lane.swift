import NIOCore

/// One direction of a connection: what is written there, in order, each step when the one before is over.
///
/// Belongs to the event loop of its connection.
final class Lane {
    enum Step {
        case write(ByteBuffer)
        case pause(Duration)
        /// Then nothing more, either way.
        case stall
        /// The connection ends.
        case cut
    }

    /// Where to; `nil` until it is connected.
    var target: (any Channel)? { didSet { proceed() } }
    /// Nothing passes while this is set.
    var isHeld = false { didSet { proceed() } }

    private let eventLoop: any EventLoop
    private let stall: () -> Void
    private let cut: () -> Void
    private var steps = CircularBuffer<Step>()
    private var isPausing = false
    private var lastWrite: EventLoopFuture<Void>?

    init(eventLoop: any EventLoop, stall: @escaping () -> Void, cut: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.stall = stall
        self.cut = cut
    }

    func add(_ more: Step...) {
        steps.append(contentsOf: more)
        proceed()
    }

    /// A byte a second for so long, then the rest.
    func trickle(_ bytes: ByteBuffer, for time: Duration) {
        var rest = bytes
        for _ in 0..<max(0, min(Int(time.components.seconds), bytes.readableBytes - 1)) {
            if let byte = rest.readSlice(length: 1) {
                steps.append(.write(byte))
                steps.append(.pause(.seconds(1)))
            }
        }
        add(.write(rest))
    }

    /// Forgets what it has not written.
    func clear() { steps.removeAll() }

    private func proceed() {
        while !isHeld, !isPausing, let target, let step = steps.popFirst() {
            switch step {
            case .write(let bytes):
                lastWrite = target.writeAndFlush(bytes)
            case .pause(let time):
                isPausing = true
                eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { [self] in
                    isPausing = false
                    proceed()
                }
            case .stall:
                stall()
            case .cut:
                // What was written before has left, or never will.
                guard let lastWrite else { return cut() }
                lastWrite.assumeIsolated().whenComplete { [cut] _ in cut() }
            }
        }
    }
}

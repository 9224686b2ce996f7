import NIOCore

/// One direction of a connection: what is written there, in order, each step when the one before is over.
///
/// Belongs to the event loop of its connection.
final class Lane {
    enum Step {
        case write(ByteBuffer)
        /// What follows is this fault, done to this command.
        case fault(WireFault, of: String)
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
    private let count: (WireFault, String) -> Void
    private var steps = CircularBuffer<Step>()
    private var isPausing = false
    /// Takes nothing more.
    private var isShut = false
    private var lastWrite: EventLoopFuture<Void>?

    /// - Parameter count: hears of each fault at the moment when it is done.
    init(
        eventLoop: any EventLoop, stall: @escaping () -> Void, cut: @escaping () -> Void,
        count: @escaping (WireFault, String) -> Void
    ) {
        self.eventLoop = eventLoop
        self.stall = stall
        self.cut = cut
        self.count = count
    }

    func add(_ more: Step...) {
        guard !isShut else { return }
        steps.append(contentsOf: more)
        proceed()
    }

    /// A byte a second for so long, then the rest.
    func trickle(_ bytes: ByteBuffer, for time: Duration) {
        guard !isShut else { return }
        var rest = bytes
        for _ in 0..<max(0, min(Int(time.components.seconds), bytes.readableBytes - 1)) {
            if let byte = rest.readSlice(length: 1) {
                steps.append(.write(byte))
                steps.append(.pause(.seconds(1)))
            }
        }
        add(.write(rest))
    }

    /// Forgets what it has not written, and what may still come.
    func shut() {
        isShut = true
        steps.removeAll()
    }

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
            case .fault(let fault, let command):
                count(fault, command)
            case .stall:
                stall()
            case .cut:
                shut()
                // What was written before has left, or never will.
                guard let lastWrite else { return cut() }
                lastWrite.assumeIsolated().whenComplete { [cut] _ in cut() }
            }
        }
    }
}

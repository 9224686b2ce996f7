/// Server-sent events out of bytes that arrive in pieces of any size.
package struct EventStreamParser: Sendable {
    package struct Event: Hashable, Sendable {
        /// The last id seen on the stream; to be sent as `Last-Event-ID` to go on from here.
        package var id: String
        /// `message` unless the stream names another.
        package var name: String
        package var data: String

        package init(id: String, name: String, data: String) {
            self.id = id
            self.name = name
            self.data = data
        }
    }

    /// A line or an event longer than this is no event of ours.
    package static let limit = 1 << 20

    private var line: [UInt8] = []
    private var data: [String] = []
    private var dataBytes = 0
    private var name = ""
    private var afterReturn = false
    private var isAtStart = true
    package private(set) var lastID = ""

    package init() {}

    /// Takes in a piece of the stream and gives the events that it completes.
    ///
    /// - Throws: `ServiceError.unexpectedAnswer` for a line or an event beyond the limit.
    package mutating func push(_ bytes: some Sequence<UInt8>) throws -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            // Lines end with LF, CR, or CR LF; a pair can be torn apart between two pieces.
            if byte == 0x0A && afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = byte == 0x0D
            if byte == 0x0A || byte == 0x0D {
                if let event = endLine() { events.append(event) }
            } else {
                line.append(byte)
                guard line.count + dataBytes <= Self.limit else {
                    throw ServiceError.unexpectedAnswer("an event of the service is larger than 1 MiB")
                }
            }
        }
        return events
    }

    private mutating func endLine() -> Event? {
        var text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if isAtStart, text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        isAtStart = false
        if text.isEmpty { return dispatch() }
        // By scalars: an accent behind the colon makes another character of it.
        let parts = text.unicodeScalars.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var scalars = parts.count == 2 ? parts[1] : Substring.UnicodeScalarView()
        if scalars.first == " " { scalars.removeFirst() }
        let value = String(scalars)
        switch String(parts[0]) {
        case "data":
            data.append(value)
            dataBytes += value.utf8.count + 1
        case "event": name = value
        case "id": if !value.unicodeScalars.contains("\0") { lastID = value }
        // A comment (nothing before the colon) keeps the connection alive; other fields do not concern us.
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> Event? {
        defer {
            data.removeAll()
            dataBytes = 0
            name = ""
        }
        guard !data.isEmpty else { return nil }
        return Event(id: lastID, name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
}

import Foundation
import ImportModel
@testable import LongshoreClient

/// The stream of events that a server sends to the command line: read as the standard says, in any pieces.
enum EventsTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        var deck = ByteDeck(input)
        let seed = deck.byte()
        let bytes = deck.all()
        let whole = try read([bytes[...]])
        let torn = try read(pieces(of: bytes, seed: seed))
        try require(whole == torn, "the pieces made a difference")
        try require(whole == reading(bytes), "another reading gives \(reading(bytes)), not \(whole)")
        for event in whole { _ = try? FleetJSON.decode(FleetEvent.self, from: Data(event.data.utf8)) }
    }

    private static func read(_ pieces: [ArraySlice<UInt8>]) throws(Violation) -> [EventStreamParser.Event] {
        var parser = EventStreamParser()
        var events: [EventStreamParser.Event] = []
        for piece in pieces { events += try expect("a short stream is refused") { try parser.push(piece) } }
        return events
    }

    /// The standard's own words: cut into lines, then field by field.
    private static func reading(_ bytes: [UInt8]) -> [EventStreamParser.Event] {
        var text = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
        if text.first == "\u{FEFF}" { text.removeFirst() }
        var lines: [[Unicode.Scalar]] = [[]]
        for (index, scalar) in text.enumerated() {
            if scalar == "\n", index > 0, text[index - 1] == "\r" { continue }
            if scalar == "\n" || scalar == "\r" { lines.append([]) } else { lines[lines.count - 1].append(scalar) }
        }
        var events: [EventStreamParser.Event] = []
        var (id, name, data) = ("", "", [String]())
        // What follows the last end of a line is no line yet.
        for line in lines.dropLast() {
            let field = string(line.prefix { $0 != ":" })
            var value = line.drop { $0 != ":" }.dropFirst()
            if value.first == " " { value = value.dropFirst() }
            switch field {
            case _ where line.isEmpty:
                if !data.isEmpty {
                    let event = name.isEmpty ? "message" : name
                    events.append(.init(id: id, name: event, data: data.joined(separator: "\n")))
                }
                (name, data) = ("", [])
            case "data": data.append(string(value))
            case "event": name = string(value)
            case "id" where !value.contains("\0"): id = string(value)
            default: break
            }
        }
        return events
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}

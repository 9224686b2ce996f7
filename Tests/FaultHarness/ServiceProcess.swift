package import Foundation
import NIOPosix
import Synchronization
import TestSupport

/// A running service of the `longshore` binary: its signals and its log.
package final class ServiceProcess: Sendable {
    /// One line of a service's log.
    package struct LogLine: Decodable, Sendable {
        private let time: String?
        package let level: String
        package let message: String
        package let metadata: [String: String]?

        /// When it was written.
        package var date: Date? {
            try? time.map {
                try Date($0, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true))
            }
        }

        init(level: String, message: String) {
            time = nil
            self.level = level
            self.message = message
            metadata = nil
        }

        package var text: String {
            ([message] + (metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
                .joined(separator: " ")
        }
    }

    package let name: String
    private let log: URL
    private let process: ServerProcess
    /// Whether it was still running when it was first told to end.
    private let told = Mutex(false)
    /// It is no wonder if it ends by itself.
    let mayDie: Bool

    package var pid: pid_t { process.pid }
    package var hasExited: Bool { process.hasExited }
    var wasTold: Bool { told.withLock { $0 } }
    /// What it died of, known once `kill` or `terminate` was called.
    var fatalSignal: Int32? { process.fatalSignal }

    /// - Parameters:
    ///   - folder: where the log goes; removed if the tests die.
    ///   - mayDie: it is no wonder if it ends by itself.
    package init(
        _ name: String, _ arguments: [String], folder: URL, program: String = Program.longshore, mayDie: Bool = false
    ) throws {
        self.name = name
        self.mayDie = mayDie
        log = folder.appendingPathComponent("\(name).log")
        process = try ServerProcess(program, arguments, log: log, folder: folder)
    }

    /// Ends it at once. Returns whether it was this that ended it.
    @discardableResult
    package func kill() -> Bool {
        let isFirst = tell()
        process.kill()
        return isFirst
    }

    package func freeze() { process.signal(SIGSTOP) }
    package func thaw() { process.signal(SIGCONT) }
    /// Asks it to end, and does not wait.
    package func drain() {
        tell()
        process.signal(SIGTERM)
    }

    /// Whether it stands still, by whosever signal.
    package var isStopped: Bool {
        // One that has just ended has no state.
        let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return stat.drop { $0 != ")" }.dropFirst(2).first == "T"
    }

    /// When it last wrote to its log.
    package var lastWords: Date? {
        (try? FileManager.default.attributesOfItem(atPath: log.path))?[.modificationDate] as? Date
    }

    /// Asks it to end, and returns once it is gone. Returns whether it was still running.
    @discardableResult
    package func terminate() async throws -> Bool {
        let isFirst = tell()
        // Waiting for a child blocks a thread.
        guard try await NIOThreadPool.singleton.runIfActive({ [process] in process.terminate() }) else {
            throw EventuallyError("\(name) was asked to end, and did not:\n\(tail())")
        }
        return isFirst
    }

    /// Notes that it ends because it was told to. Returns whether it was running and had not been told before.
    @discardableResult
    private func tell() -> Bool {
        guard !process.hasExited else { return false }
        return told.withLock { told in
            defer { told = true }
            return !told
        }
    }

    /// The log so far, as it is.
    package var text: String { String(decoding: (try? Data(contentsOf: log)) ?? Data(), as: UTF8.self) }

    /// The log so far. What is no log line (a message before the log stands, a crash report) counts as an error.
    package func lines() -> [LogLine] {
        text.split(separator: "\n").map { line in
            (try? JSONDecoder().decode(LogLine.self, from: Data(line.utf8)))
                ?? LogLine(level: "error", message: String(line))
        }
    }

    /// Waits for the first line with this text.
    @discardableResult
    package func logged(_ text: String, within limit: Duration = .seconds(60)) async throws -> LogLine {
        var found: LogLine?
        do {
            try await eventually(within: limit) {
                found = lines().first { $0.text.contains(text) }
                if found == nil, hasExited { throw ServiceEnded() }
                return found != nil
            }
        } catch {
            throw ServiceFailure("\(name) did not log '\(text)' (\(error)); its log:\n" + tail())
        }
        guard let found else { throw ServiceFailure("\(name) logged nothing") }
        return found
    }

    /// How the fleet calls this process.
    package func fleetID() async throws -> String {
        let line = try await logged(" is ready")
        guard let id = line.metadata?["process"] else { throw ServiceFailure("\(name) is ready without an id") }
        return id
    }

    /// Where its API listens.
    package func address() async throws -> String {
        let line = try await logged("listening host=")
        guard let host = line.metadata?["host"], let port = line.metadata?["port"] else {
            throw ServiceFailure("\(name) logged no address: \(line.text)")
        }
        return "http://\(host):\(port)"
    }

    /// The last lines of the log, for a failure's message.
    package func tail(_ count: Int = 15) -> String {
        lines().suffix(count).map { "  \($0.level) \($0.text)" }.joined(separator: "\n")
    }
}

package struct ServiceEnded: Error, CustomStringConvertible {
    package var description: String { "it has ended" }
}

package struct ServiceFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

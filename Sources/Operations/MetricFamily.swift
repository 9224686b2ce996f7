import ImportModel
import Synchronization

/// All the series of one metric.
struct MetricFamily {
    enum Kind: String { case counter, gauge, histogram }

    let kind: Kind
    private var all: [[String: String]: MetricSeries] = [:]

    init(kind: Kind) { self.kind = kind }

    mutating func series(_ labels: [String: String], limit: Int) -> MetricSeries {
        if let series = all[labels] { return series }
        let admitted = all.count < limit ? labels : labels.mapValues { _ in "other" }
        if let series = all[admitted] { return series }
        let series = MetricSeries(buckets: kind == .histogram ? MetricsRegistry.latencyBuckets.count : 0)
        all[admitted] = series
        return series
    }

    func render(name: String) -> String {
        var text = ""
        if let help = MetricName(rawValue: name)?.help {
            text += "# HELP \(name) \(help.replacingScalar("\\", with: "\\\\").replacingScalar("\n", with: "\\n"))\n"
        }
        text += "# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in all.map({ (Self.pairs($0), $1.value) }).sorted(by: { $0.0.joined() < $1.0.joined() }) {
            text += kind == .histogram ? histogram(name, labels, value) : line(name, labels, Self.text(value.sum))
        }
        return text
    }

    private func histogram(_ name: String, _ labels: [String], _ value: MetricSeries.Value) -> String {
        var text = ""
        var total: UInt64 = 0
        for (bound, count) in zip(MetricsRegistry.latencyBuckets, value.buckets) {
            total += count
            text += line(name + "_bucket", labels + ["le=\"\(Self.text(bound))\""], "\(total)")
        }
        text += line(name + "_bucket", labels + ["le=\"+Inf\""], "\(value.count)")
        text += line(name + "_sum", labels, Self.text(value.sum))
        return text + line(name + "_count", labels, "\(value.count)")
    }

    private func line(_ name: String, _ labels: [String], _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels.joined(separator: ","))} \(value)\n"
    }

    private static func pairs(_ labels: [String: String]) -> [String] {
        labels.sorted { $0.key < $1.key }.map { name, value in
            let escaped = value.replacingScalar("\\", with: "\\\\").replacingScalar("\"", with: "\\\"")
                .replacingScalar("\n", with: "\\n")
            return "\(name)=\"\(escaped)\""
        }
    }

    /// Whole numbers without a fraction, as people expect of counters.
    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map(String.init)
            ?? (value.isNaN ? "NaN" : value.isFinite ? "\(value)" : value < 0 ? "-Inf" : "+Inf")
    }
}

/// One label set of a metric; any thread may change it.
final class MetricSeries: Sendable {
    struct Value {
        /// The value of a counter or gauge; the sum of what a histogram observed.
        var sum = 0.0
        var count: UInt64 = 0
        /// Observations in each bucket, not cumulative; empty where the metric is no histogram.
        var buckets: [UInt64]
    }

    private let state: Mutex<Value>

    init(buckets: Int) { state = Mutex(Value(buckets: Array(repeating: 0, count: buckets))) }

    var value: Value { state.withLock { $0 } }

    func add(_ amount: Double) { state.withLock { $0.sum += amount } }

    func set(_ value: Double) { state.withLock { $0.sum = value } }

    func observe(_ seconds: Double) {
        state.withLock { value in
            value.sum += seconds
            value.count += 1
            if let index = MetricsRegistry.latencyBuckets.firstIndex(where: { seconds <= $0 }) {
                value.buckets[index] += 1
            }
        }
    }
}

import Synchronization

/// Counters, gauges and histograms, and their Prometheus text.
///
/// One registry counts for a process; another may be built for a single scrape, to show what Redis knows of the
/// fleet. A family holds at most `seriesLimit` label sets: what comes later is counted under `other`, so that a label
/// that somebody outside chooses cannot fill the memory.
package final class MetricsRegistry: Sendable {
    /// Seconds; from a fast script to a slow request.
    package static let latencyBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    private let seriesLimit: Int
    private let families = Mutex<[String: MetricFamily]>([:])

    package init(seriesLimit: Int = 500) { self.seriesLimit = seriesLimit }

    /// A number that only grows; the same name and labels give the same counter.
    package func counter(_ name: String, _ labels: [String: String] = [:]) -> Counter {
        Counter(series: series(name, .counter, labels))
    }

    /// A number that goes up and down.
    package func gauge(_ name: String, _ labels: [String: String] = [:]) -> Gauge {
        Gauge(series: series(name, .gauge, labels))
    }

    /// Durations, counted in fixed buckets.
    package func histogram(_ name: String, _ labels: [String: String] = [:]) -> Histogram {
        Histogram(series: series(name, .histogram, labels))
    }

    package func counter(_ name: MetricName, _ labels: [String: String] = [:]) -> Counter {
        counter(name.rawValue, labels)
    }

    package func gauge(_ name: MetricName, _ labels: [String: String] = [:]) -> Gauge { gauge(name.rawValue, labels) }

    package func histogram(_ name: MetricName, _ labels: [String: String] = [:]) -> Histogram {
        histogram(name.rawValue, labels)
    }

    /// The Prometheus text exposition (version 0.0.4), families and label sets in a stable order.
    package func render() -> String {
        families.withLock { $0 }.sorted { $0.key < $1.key }.map { $1.render(name: $0) }.joined()
    }

    private func series(_ name: String, _ kind: MetricFamily.Kind, _ labels: [String: String]) -> MetricSeries {
        families.withLock { families in
            var family = families[name] ?? MetricFamily(kind: kind)
            // A name with two kinds is a slip in this code, not something a peer can cause.
            precondition(family.kind == kind, "metric \(name) is a \(family.kind)")
            let series = family.series(labels, limit: seriesLimit)
            families[name] = family
            return series
        }
    }

    package struct Counter: Sendable {
        fileprivate let series: MetricSeries

        /// Negative amounts and what is not a number are ignored.
        package func increment(by amount: Double = 1) {
            if amount >= 0, amount.isFinite { series.add(amount) }
        }
    }

    package struct Gauge: Sendable {
        fileprivate let series: MetricSeries

        package func set(_ value: Double) { series.set(value) }
        package func add(_ amount: Double) { series.add(amount) }
    }

    package struct Histogram: Sendable {
        fileprivate let series: MetricSeries

        package func observe(_ duration: Duration) {
            series.observe(max(duration, .zero) / .seconds(1))
        }
    }
}

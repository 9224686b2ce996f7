import Operations
import Testing

@Suite struct MetricsTests {
    @Test func `Counters and gauges render sorted, with help, type and labels`() {
        let registry = MetricsRegistry()
        registry.counter(.attempts, ["outcome": "succeeded"]).increment()
        registry.counter("longshore_attempts_total", ["outcome": "succeeded"]).increment(by: 2)
        registry.counter(.attempts, ["outcome": "retry"]).increment()
        registry.counter(.attempts, ["outcome": "retry"]).increment(by: -5)
        registry.gauge("aside").set(1.5)
        #expect(
            registry.render() == """
                # TYPE aside gauge
                aside 1.5
                # HELP longshore_attempts_total Attempts that ended, by outcome.
                # TYPE longshore_attempts_total counter
                longshore_attempts_total{outcome="retry"} 1
                longshore_attempts_total{outcome="succeeded"} 3

                """)
    }

    @Test func `Label values are escaped`() {
        let registry = MetricsRegistry()
        registry.gauge("odd", ["path": "a\\b\"c\nd"]).set(1)
        #expect(registry.render().contains(#"odd{path="a\\b\"c\nd"} 1"#))
    }

    @Test func `Histogram buckets are cumulative and end with everything`() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram(.script, ["script": "import-beat"])
        for duration: Duration in [.microseconds(300), .milliseconds(2), .milliseconds(2), .seconds(100)] {
            histogram.observe(duration)
        }
        let text = registry.render()
        let name = "longshore_script_seconds"
        #expect(text.contains("# TYPE \(name) histogram\n"))
        #expect(text.contains("\(name)_bucket{script=\"import-beat\",le=\"0.0005\"} 1\n"))
        #expect(text.contains("\(name)_bucket{script=\"import-beat\",le=\"0.0025\"} 3\n"))
        #expect(text.contains("\(name)_bucket{script=\"import-beat\",le=\"30\"} 3\n"))
        #expect(text.contains("\(name)_bucket{script=\"import-beat\",le=\"+Inf\"} 4\n"))
        #expect(text.contains("\(name)_count{script=\"import-beat\"} 4\n"))
        #expect(text.contains("\(name)_sum{script=\"import-beat\"} 100.0043\n"))
    }

    @Test func `A histogram that was never observed renders zeros`() {
        let registry = MetricsRegistry()
        _ = registry.histogram("idle")
        #expect(registry.render().contains("idle_bucket{le=\"0.0005\"} 0\n"))
        #expect(registry.render().contains("idle_bucket{le=\"+Inf\"} 0\n"))
    }

    @Test func `Label sets beyond the limit are counted together`() {
        let registry = MetricsRegistry(seriesLimit: 3)
        for number in 1...100 { registry.counter("hits", ["path": "/\(number)"]).increment() }
        let lines = registry.render().split(separator: "\n").filter { $0.hasPrefix("hits{") }
        #expect(lines.count == 4)
        #expect(lines.contains("hits{path=\"other\"} 97"))
    }

    @Test func `Many threads may count at once`() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { registry.counter("hits").increment() } }
            }
        }
        #expect(registry.render().contains("hits 8000\n"))
    }
}

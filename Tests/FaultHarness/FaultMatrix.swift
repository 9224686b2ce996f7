/// All rows, as `longshore-faults` and the tests run them.
package enum FaultMatrix {
    package static let rows: [FaultRow] = [
        .f8,
        .f9,
        .f16,
        .f18,
    ]
}

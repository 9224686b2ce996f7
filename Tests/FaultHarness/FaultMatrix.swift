/// All rows, as `longshore-faults` and the tests run them.
package enum FaultMatrix {
    package static let rows: [FaultRow] = [
        .f1,
        .f2,
        .f3,
        .f4,
        .f5,
        .f6,
        .f8,
        .f9,
        .f10,
        .f11,
        .f12,
        .f13,
        .f14,
        .f15,
        .f16,
        .f17,
        .f18,
        .f19,
        .f20,
        .f21,
    ]
}

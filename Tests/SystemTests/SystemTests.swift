import Testing

/// The whole of Longshore as a black box: real processes, a real Redis, real clients.
///
/// One after the other, since each of them would take the machine for itself. `SYSTEM_TESTS_SCALE=10` makes them
/// larger.
@Suite(.serialized, .timeLimit(.minutes(30))) enum SystemTests {}

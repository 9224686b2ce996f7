/// The version that this build tells of itself.
enum Version {
    static let current = "0.1.0"
}

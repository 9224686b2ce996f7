import HTTPTypes
import Hummingbird

/// How a client reaches the service, for absolute links.
struct ServiceAddress: Sendable {
    let publicEndpoint: String?
    let isSecure: Bool

    /// Without a slash at its end.
    func base(for request: Request) -> String {
        if let publicEndpoint { return publicEndpoint }
        let host = request.head.authority ?? ""
        let isPlain =
            !host.isEmpty && host.utf8.count <= 255
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                    true
                default: false
                }
            }
        return (isSecure ? "https://" : "http://") + (isPlain ? host : "localhost")
    }
}

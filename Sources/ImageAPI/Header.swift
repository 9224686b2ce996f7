import HTTPTypes

/// The headers that are not in everybody's list.
enum Header {
    static let requestID = name("x-openstack-request-id")
    static let imageSize = name("x-openstack-image-size")
    static let importMethods = name("OpenStack-image-import-methods")
    static let storeIDs = name("OpenStack-image-store-ids")
    static let store = name("X-Image-Meta-Store")
    static let token = name("X-Auth-Token")
    static let task = name("X-Longshore-Task")
    static let acceptPatch = name("Accept-Patch")
    static let traceparent = name("traceparent")
    static let contentMD5 = name("Content-MD5")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else {
            // Only the constants above come here.
            preconditionFailure("\(text) is no name of a header")
        }
        return name
    }
}

import Foundation
import Operations
import S3Storage

extension S3Configuration {
    init(_ place: S3Place) {
        let credentials: S3CredentialSource =
            switch place.credentials {
            case .keys(let id, let secret, let token):
                .fixed(S3Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token))
            case .file(let path, let profile): .file(path: path, profile: profile)
            case .environment: .environment(ProcessInfo.processInfo.environment)
            }
        self.init(endpoint: place.endpoint, bucket: place.bucket, credentials: credentials)
        prefix = place.prefix
        region = place.region
        usesPathStyle = place.usesPathStyle
        caFile = place.caFile
        partBytes = place.partBytes
        parallelParts = place.parallelParts
        budgetBytes = place.partsMemoryBytes
    }
}

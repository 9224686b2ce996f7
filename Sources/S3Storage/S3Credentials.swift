/// Who signs requests. Nothing that prints this value shows a secret.
package struct S3Credentials: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    package var description: String { "S3Credentials(***)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// `text`, which a service wrote, without what it may have echoed of these credentials.
    func redact(_ text: String) -> String {
        [secretAccessKey, sessionToken, accessKeyID].compactMap { $0 }.filter { !$0.isEmpty }
            .reduce(text) { text, secret in
                // By scalars: an accent behind the secret must not hide it.
                String(text.unicodeScalars.replacing(secret.unicodeScalars, with: "***".unicodeScalars))
            }
    }
}

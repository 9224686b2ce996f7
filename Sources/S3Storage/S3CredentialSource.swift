import Foundation
import ImportModel

/// Where credentials come from. They are read again when the service says that they have expired.
package enum S3CredentialSource: Sendable {
    case fixed(S3Credentials)
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; where they are unset, the profile
    /// `AWS_PROFILE` of the file `AWS_SHARED_CREDENTIALS_FILE`.
    case environment([String: String])
    /// A profile of a file in the form of `~/.aws/credentials`.
    case file(path: String, profile: String)

    /// Blocks while a file is read.
    /// - Throws: what is missing, and never a secret.
    func load() throws(InvalidValue) -> S3Credentials {
        switch self {
        case .fixed(let credentials): return credentials
        case .file(let path, let profile): return try Self.read(profile, of: path)
        case .environment(let variables):
            func variable(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
            if let id = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY") {
                return S3Credentials(
                    accessKeyID: id, secretAccessKey: secret, sessionToken: variable("AWS_SESSION_TOKEN"))
            }
            if let path = variable("AWS_SHARED_CREDENTIALS_FILE") {
                return try Self.read(variable("AWS_PROFILE") ?? "default", of: path)
            }
            throw InvalidValue(
                "there are no credentials: set access-key-id and secret-access-key, or credentials-file, "
                    + "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
        }
    }

    private static func read(_ profile: String, of path: String) throws(InvalidValue) -> S3Credentials {
        let text: String
        do { text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8) } catch {
            throw InvalidValue("the credentials file \(path) cannot be read; check its path and its mode")
        }
        let values = section(profile, of: text)
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
            throw InvalidValue(
                "the credentials file \(path) has no aws_access_key_id and aws_secret_access_key in [\(profile)]")
        }
        return S3Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: values["aws_session_token"])
    }

    /// The lines `key = value` below `[name]` or `[profile name]`.
    private static func section(_ name: String, of text: String) -> [String: String] {
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline).map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.hasPrefix("[") {
                isInside = line == "[\(name)]" || line == "[profile \(name)]"
            } else if isInside, !line.hasPrefix("#"), !line.hasPrefix(";"), let equals = line.firstIndex(of: "=") {
                let key = line[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
                let value = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
                if !value.isEmpty { values[key] = value }
            }
        }
        return values
    }
}

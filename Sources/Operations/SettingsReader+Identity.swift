import Foundation

/// Who vouches for users.
extension SettingsReader {
    /// What is written about Keystone, complained about where it is to be used.
    mutating func keystone(isUsed: Bool) -> Settings.Keystone {
        let authURL = url(.keystoneAuthURL)
        let id = text(.keystoneApplicationCredentialID)
        let secret = self.secret(.keystoneApplicationCredentialSecret, orFile: .keystoneApplicationCredentialSecretFile)
        let username = text(.keystoneUsername)
        let password = self.secret(.keystonePassword, orFile: .keystonePasswordFile)
        if isUsed {
            if authURL == nil {
                complain(
                    .keystoneAuthURL, nil, "is missing", "write the URL of Keystone, such as https://keystone:5000/v3")
            }
            switch (username != nil, id != nil) {
            case (true, true):
                complain(
                    .keystoneApplicationCredentialID, nil, "stands beside keystone.username", "set only one of the two")
            case (false, false):
                complain(
                    .keystoneUsername, nil, "is missing",
                    "write the user that the service logs in as, or keystone.application-credential-id")
            case (true, false) where password == nil:
                complain(.keystonePassword, nil, "is missing", "write it, or keystone.password-file")
            case (false, true) where secret == nil:
                complain(
                    .keystoneApplicationCredentialSecret, nil, "is missing",
                    "write it, or keystone.application-credential-secret-file")
            default: break
            }
        }
        return Settings.Keystone(
            authURL: authURL ?? "", publicURL: url(.keystonePublicURL), username: username, password: password,
            userDomain: text(.keystoneUserDomain) ?? "", project: text(.keystoneProject),
            projectDomain: text(.keystoneProjectDomain) ?? "", applicationCredentialID: id,
            applicationCredentialSecret: secret, caFile: file(.keystoneCAFile), timeout: duration(.keystoneTimeout),
            cacheTime: duration(.keystoneCacheTime, zero: true))
    }

    /// A secret that is written, or stands on the first line of a file.
    mutating func secret(_ key: SettingKey, orFile fileKey: SettingKey) -> String? {
        let written = text(key)
        guard let path = file(fileKey) else { return written }
        if written != nil { complain(fileKey, nil, "stands beside \(key.name)", "set only one of the two") }
        // The file was found readable just now; if it has gone since, the finding below says what to do.
        let text = try? String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        let line = text?.split(whereSeparator: \.isNewline).first.map(String.init)
        if line == nil {
            complain(
                fileKey, Found(text: path, origin: "the file itself"), "holds no secret",
                "write it on its first line")
        }
        return line
    }
}

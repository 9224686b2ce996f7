import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import StorageConformance
import TestSupport
import Testing

@testable import S3Storage

/// Temporary credentials of a role, whose signature, token and rights the service checks as AWS does.
@Suite(.service(.moto), .serialized) struct S3RightsTests {
    @Test func `with the rights of the documentation and a session token all goes that a store does`() async throws {
        try await withRole { role, configuration in
            try await withS3(configuration(.fixed(role.credentials))) { store in
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
                try await store.check()
                let key = ObjectKey(image: .random(), nonce: .mint())
                let writer = try await store.create(key, expectedBytes: nil)
                try await writer.write(ByteBuffer(repeating: 7, count: 6 << 20))
                try await writer.commit(
                    ObjectDescription(
                        image: key.image, sizeBytes: 6 << 20, digests: ContentDigests(md5: "", sha512: "")))
                var count = 0
                for try await block in try await store.read(key, range: nil) { count += block.readableBytes }
                #expect(count == 6 << 20)
                #expect(try await store.list(after: nil).objects.map(\.key) == [key])
                try await store.delete(key)
                #expect(try await store.size(key) == nil)
            }
        }
    }

    @Test func `a token that the service refuses is for a person to mend, and is read again from its file`()
        async throws
    {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("credentials")
        func write(_ credentials: S3Credentials, token: String) throws {
            let lines = [
                "[default]", "aws_access_key_id = \(credentials.accessKeyID)",
                "aws_secret_access_key = \(credentials.secretAccessKey)", "aws_session_token = \(token)",
            ]
            try Data(lines.joined(separator: "\n").utf8).write(to: file, options: .atomic)
        }
        try await withRole { role, configuration in
            let token = role.credentials.sessionToken ?? ""
            try write(role.credentials, token: "another" + token)
            try await withS3(configuration(.file(path: file.path, profile: "default"))) { store in
                await #expect {
                    try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
                } throws: {
                    guard case StorageError.misconfigured(_, let reason) = $0 else { return false }
                    return reason.contains("renew the credentials") && !reason.contains(token)
                }
                try write(role.credentials, token: token)
                // The first call is a HEAD, to which the service answers without a word.
                let size = try await store.size(ObjectKey(image: .random(), nonce: .mint()))
                #expect(size == nil)
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            }
        }
    }

    @Test(arguments: [
        "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    ])
    func `the check names the right that is missing`(action: String) async throws {
        try await withRole(without: action) { role, configuration in
            _ = try await withS3(configuration(.fixed(role.credentials))) { store in
                await #expect {
                    try await store.probe()
                } throws: {
                    guard case StorageError.misconfigured(_, let reason) = $0 else { return false }
                    return reason.contains("\(action) on")
                }
            }
        }
    }

    /// Runs `body` with a role that has the rights that the documentation asks for, and with what a store of it is.
    private func withRole(
        without action: String? = nil,
        _ body: (MotoRole, (S3CredentialSource) -> S3Configuration) async throws -> Void
    ) async throws {
        let server = try #require(S3Server.current)
        let prefix = "store-\(Nonce.mint())"
        let role = try await MotoRole(at: server, policy: MotoRole.documentedPolicy(prefix: prefix, without: action))
        try await body(role) { source in
            var configuration = S3Configuration(
                endpoint: server.endpoint, bucket: S3Server.bucket, credentials: source)
            configuration.prefix = prefix
            configuration.usesPathStyle = true
            configuration.retry = RetryPolicy(base: .milliseconds(20), cap: .milliseconds(200))
            return configuration
        }
    }
}

/// A role that somebody has assumed; from then on the service checks every call.
private struct MotoRole {
    let credentials: S3Credentials

    init(at server: S3Server, policy: String) async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let call = Call(endpoint: server.endpoint, folder: folder)
        let name = "role-\(Nonce.mint())"
        let trust = """
            {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
            """
        try await call.checkAll(from: "inf")
        _ = try await call.ask(
            "iam",
            ["Action": "CreateRole", "Version": "2010-05-08", "RoleName": name, "AssumeRolePolicyDocument": trust])
        _ = try await call.ask(
            "iam",
            [
                "Action": "PutRolePolicy", "Version": "2010-05-08", "RoleName": name, "PolicyName": "store",
                "PolicyDocument": policy,
            ])
        let answer = try await call.ask(
            "sts",
            [
                "Action": "AssumeRole", "Version": "2011-06-15", "RoleSessionName": "test",
                "RoleArn": "arn:aws:iam::123456789012:role/\(name)",
            ])
        let found = try #require(answer["AssumeRoleResult"]?["Credentials"])
        credentials = S3Credentials(
            accessKeyID: try #require(found.value("AccessKeyId")),
            secretAccessKey: try #require(found.value("SecretAccessKey")),
            sessionToken: found.value("SessionToken"))
        try await call.checkAll(from: "0")
    }

    /// What docs/s3.md says, for the bucket of the tests. AWS takes `s3:ListBucket` for `HEAD` of a bucket, moto wants
    /// a right of its own.
    static func documentedPolicy(prefix: String, without action: String?) throws -> String {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/s3.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let block = try #require(text.components(separatedBy: "```json\n").dropFirst().first)
        var policy = try #require(block.components(separatedBy: "```").first)
            .replacingOccurrences(of: "example-images/longshore", with: "\(S3Server.bucket)/\(prefix)")
            .replacingOccurrences(of: "example-images", with: S3Server.bucket)
            .replacingOccurrences(of: "\"s3:ListBucket\"", with: "\"s3:ListBucket\", \"s3:HeadBucket\"")
        if let action {
            let without = policy.replacingOccurrences(of: "\"\(action)\"", with: "\"s3:Nothing\"")
            #expect(without != policy)
            policy = without
        }
        return policy
    }

    private struct Call {
        let endpoint: String
        let folder: URL

        /// From which call on credentials are checked.
        func checkAll(from number: String) async throws {
            try await curl(["-H", "content-type: text/plain", "-d", number, "\(endpoint)/moto-api/reset-auth"])
        }

        func ask(_ service: String, _ parameters: [String: String]) async throws -> S3XML {
            let answer = folder.appendingPathComponent("answer")
            let fields = parameters.flatMap { ["--data-urlencode", "\($0)=\($1)"] }
            try await curl(
                ["--aws-sigv4", "aws:amz:us-east-1:\(service)", "--user", "any:any", "-o", answer.path] + fields
                    + ["\(endpoint)/"])
            return try #require(S3XML(parsing: try Data(contentsOf: answer)))
        }

        private func curl(_ arguments: [String]) async throws {
            let log = folder.appendingPathComponent("log")
            try await NIOThreadPool.singleton.runIfActive {
                try ServerProcess.run("curl", ["-sS", "--fail"] + arguments, log: log)
            }
        }
    }
}

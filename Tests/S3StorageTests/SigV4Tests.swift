import Foundation
import ImportModel
import Testing

@testable import S3Storage

/// The examples of the documentation of S3 and of the test suite of Signature Version 4.
@Suite struct SigV4Tests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private static let token = """
        AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8\
        YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q\
        6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJab\
        IQwj2ICCR/oLxBA==
        """

    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var method = "GET"
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(String, String)] = []
        var hash = SigV4Tests.empty
        let signature: String
    }

    @Test(arguments: [
        Example(
            testDescription: "GET Object", path: "/test.txt", headers: [("Range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Example(
            testDescription: "PUT Object", method: "PUT", path: "/test%24file.text",
            headers: [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            hash: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Example(
            testDescription: "GET Bucket Lifecycle", query: [("lifecycle", "")],
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Example(
            testDescription: "GET Bucket", query: [("prefix", "J"), ("max-keys", "2")],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ])
    func `signs the examples of S3`(example: Example) {
        let signer = SigV4(
            credentials: S3Credentials(
                accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1")
        let headers =
            example.headers + [
                ("host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", example.hash),
                ("x-amz-date", "20130524T000000Z"),
            ]
        let value = signer.authorization(
            method: example.method, path: example.path, query: example.query, headers: headers,
            payloadHash: example.hash, date: Date(timeIntervalSince1970: 1_369_353_600))
        #expect(value.hasSuffix("Signature=\(example.signature)"))
        #expect(value.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"))
    }

    @Test(arguments: [
        Example(
            testDescription: "get-vanilla",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Example(
            testDescription: "get-vanilla-query-order-key-case", query: [("Param2", "value2"), ("Param1", "value1")],
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        Example(
            testDescription: "get-vanilla-utf8-query", query: [("ሴ", "bar")],
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        Example(
            testDescription: "post-vanilla", method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Example(
            testDescription: "post-sts-header-before", method: "POST",
            headers: [("X-Amz-Security-Token", SigV4Tests.token)],
            signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    ])
    func `signs the examples of the test suite`(example: Example) {
        var signer = SigV4(
            credentials: S3Credentials(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1")
        signer.service = "service"
        let value = signer.authorization(
            method: example.method, path: example.path, query: example.query,
            headers: [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")] + example.headers,
            payloadHash: example.hash, date: Date(timeIntervalSince1970: 1_440_938_160))
        #expect(value.hasSuffix("Signature=\(example.signature)"))
    }

    @Test func `credentials show nothing of themselves, and are taken out of what others say`() {
        let credentials = S3Credentials(accessKeyID: "AKID", secretAccessKey: "hush", sessionToken: "shh")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in [
            "\(credentials)", String(reflecting: credentials), dumped, "\(S3CredentialSource.fixed(credentials))",
        ] {
            #expect(!text.contains("hush") && !text.contains("shh") && !text.contains("AKID"))
        }
        #expect(credentials.redact("key AKID, token shh") == "key ***, token ***")
    }

    @Test func `credentials come from the environment, or from a profile of a file`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-\(Nonce.mint())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("credentials")
        try Data(
            """
            # two of them
            [default]
            aws_access_key_id=A
            aws_secret_access_key = B=
            [profile other]
            aws_access_key_id = C
            aws_secret_access_key = D
            aws_session_token = E
            [broken]
            aws_access_key_id = F
            """.utf8
        ).write(to: file)
        let other = S3Credentials(accessKeyID: "C", secretAccessKey: "D", sessionToken: "E")
        #expect(
            try S3CredentialSource.file(path: file.path, profile: "default").load()
                == S3Credentials(accessKeyID: "A", secretAccessKey: "B="))
        #expect(try S3CredentialSource.file(path: file.path, profile: "other").load() == other)
        #expect(
            try S3CredentialSource.environment(["AWS_SHARED_CREDENTIALS_FILE": file.path, "AWS_PROFILE": "other"])
                .load()
                == other)
        let variables = ["AWS_ACCESS_KEY_ID": "C", "AWS_SECRET_ACCESS_KEY": "D", "AWS_SESSION_TOKEN": "E"]
        #expect(try S3CredentialSource.environment(variables).load() == other)
        for source: S3CredentialSource in [
            .environment([:]), .file(path: file.path, profile: "broken"), .file(path: file.path, profile: "none"),
            .file(path: folder.path + "/none", profile: "default"),
        ] {
            #expect(throws: InvalidValue.self) { try source.load() }
        }
    }
}

import AsyncHTTPClient
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a call was not carried out, or why nobody knows whether it was.
enum S3Failure: Error, Sendable {
    case refused(S3Refusal)
    /// The connection broke, or nothing came in time.
    case noAnswer(String)
    /// What came is no answer of S3.
    case notUnderstood(String)
    /// The service's certificate is not one to trust.
    case untrusted(String)
    case cancelled

    init(_ error: any Error) {
        switch error {
        case let failure as S3Failure: self = failure
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError:
            self = error == .cancelled ? .cancelled : .noAnswer(error.shortDescription)
        case is NIOSSLExtraError: self = .untrusted("\(error)")
        case NIOSSLError.handshakeFailed(let reason):
            self = "\(reason)".contains("CERTIFICATE") ? .untrusted("\(reason)") : .noAnswer("TLS: \(reason)")
        case let error as NIOConnectionError:
            let reasons = error.connectionErrors.map { "\($0.error)" }
            self = .noAnswer(
                "cannot connect to \(error.host):\(error.port): \(reasons.first ?? "its name is not known")")
        case is NIOTooManyBytesError: self = .noAnswer("the answer is longer than any that is due")
        default: self = .noAnswer("\(error)")
        }
    }

    var refusal: S3Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }

    /// Whether the same call may well succeed a moment later.
    var isTransient: Bool {
        switch self {
        case .refused(let refusal): refusal.isTransient
        case .noAnswer, .notUnderstood: true
        case .untrusted, .cancelled: false
        }
    }

    /// What the failure means for a store; `what` names the call and its object.
    func fault(of store: StoreID, _ what: String) -> StorageError {
        switch self {
        case .refused(let refusal): refusal.fault(of: store, what)
        case .noAnswer(let reason), .notUnderstood(let reason): .unavailable(store, reason: "\(what): \(reason)")
        case .untrusted(let reason):
            .misconfigured(
                store,
                reason: "\(what): the service's certificate is not trusted (\(reason)); set ca-file, and check "
                    + "that the endpoint's name is the certificate's")
        case .cancelled: .unavailable(store, reason: "\(what): it was given up")
        }
    }
}

/// What a service says when it refuses a call.
struct S3Refusal: Hashable, Sendable {
    let status: Int
    /// As in `NoSuchBucket`; empty where the answer had no body, as to `HEAD`.
    var code = ""
    /// The service's words: short, one line, without credentials.
    var message = ""
    /// The region of the bucket, where the service names another than the one signed for.
    var region: String?
    /// The service's clock, as in the header `Date`.
    var date: String?

    /// - Parameter redact: takes out what the service may have echoed of our credentials.
    init(status: Int, headers: HTTPHeaders, body: ByteBuffer, redact: (String) -> String) {
        self.init(status: status)
        let error = S3XML(parsing: body.readableBytesView)
        func clean(_ text: String?) -> String {
            let line = redact(text ?? "").unicodeScalars.prefix(200).map { $0.properties.isWhitespace ? " " : $0 }
            return String(
                String.UnicodeScalarView(
                    line.filter { ![.control, .format].contains($0.properties.generalCategory) }))
        }
        if let error, error.name == "Error" {
            code = clean(error.value("Code"))
            message = clean(error.value("Message"))
        }
        region = (error?.value("Region") ?? headers.first(name: "x-amz-bucket-region")).map { clean($0) }
        date = headers.first(name: "date").map { clean($0) }
    }

    init(status: Int) { self.status = status }

    var isTransient: Bool {
        switch code {
        case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout", "SlowDown", "InternalError",
            "ServiceUnavailable", "OperationAborted":
            true
        default: (status >= 500 && status != 501 && !isFull) || status == 429 || status == 408
        }
    }

    /// Whether the service may take the same call with other credentials. To `HEAD` it says no more than the status.
    var mayBeOfCredentials: Bool {
        if code.isEmpty { return [400, 401, 403].contains(status) }
        return ["ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"].contains(code)
    }

    /// Somebody else has the key, or is about to.
    var isConflict: Bool { status == 409 || status == 412 }

    /// There is no such object in a bucket that is there.
    var isMissingObject: Bool { status == 404 && ["", "NoSuchKey"].contains(code) }

    private var isFull: Bool {
        status == 507
            || ["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"].contains(
                code)
    }

    fileprivate func fault(of store: StoreID, _ what: String) -> StorageError {
        let answer = [String(status), code, message.isEmpty ? "" : "(\(message))"].filter { !$0.isEmpty }
        let what = "\(what): \(answer.joined(separator: " "))"
        if isFull { return .full(store, reason: what) }
        guard let remedy else { return .unavailable(store, reason: what) }
        return .misconfigured(store, reason: "\(what); \(remedy)")
    }

    /// What a person must do, where nothing else helps.
    private var remedy: String? {
        if let region, [301, 307, 400, 403].contains(status), code != "AccessDenied" {
            return "the bucket is in the region \(region): set region, and the endpoint of that region"
        }
        switch code {
        case "RequestTimeTooSkewed", "RequestExpired":
            return "this host's clock differs from the service's\(date.map { " (\($0))" } ?? ""): set the clock"
        case "InvalidAccessKeyId", "InvalidSecurity", "UnrecognizedClientException":
            return "the service does not know the access key: check access-key-id and the endpoint"
        case "SignatureDoesNotMatch":
            return "check secret-access-key, and that nothing on the way changes the header Host"
        case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
            return "the session token is not valid any more: renew the credentials"
        case "AuthorizationHeaderMalformed": return "check region"
        case "NoSuchBucket", "InvalidBucketName": return "check endpoint, bucket and path-style, or create the bucket"
        case "NotImplemented": return "this service lacks a call that the store needs"
        case "EntityTooLarge": return "set a smaller part-size"
        default: break
        }
        switch status {
        case 300..<400: return "requests are not redirected: set the endpoint that serves this bucket"
        case 401, 403:
            return "grant that action to the credentials (and s3:ListBucket, without which a missing object is "
                + "forbidden), or check them"
        case 501: return "this service lacks a call that the store needs"
        case 405: return "check endpoint and path-style"
        default: return nil
        }
    }
}

import ChildProcess

/// What `gpgv` says on its status channel, one line for each thing that it saw.
///
/// At least one signature must be good, by a key that is neither expired nor revoked. Signatures by keys that the
/// keyring does not have say nothing; any other that is not good spoils all.
struct SignatureVerdict: Hashable, Sendable {
    private var good: [String] = []
    private var spoilt: String?
    private var unknownKeys: [String] = []
    private var texts = 0
    private let isDetached: Bool
    private let exit: LimitedProcess.Exit

    /// - Parameter isDetached: whether the signature was in a file of its own; then it must have no text in it.
    init(_ output: [UInt8], exit: LimitedProcess.Exit, isDetached: Bool) {
        self.exit = exit
        self.isDetached = isDetached
        for line in output.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
            guard words.count >= 2, words[0] == "[GNUPG:]" else { continue }
            read(words[1], Array(words.dropFirst(2)))
        }
    }

    private mutating func read(_ keyword: String, _ words: [String]) {
        switch keyword {
        // The last word is the primary key's; a signature may be by a subkey.
        case "VALIDSIG": if let key = words.last, words.count >= 10 { good.append(key) }
        case "BADSIG": spoilt = "the signature is not of this text"
        case "EXPSIG": spoilt = "the signature has expired"
        case "EXPKEYSIG": spoilt = "the key of the signature has expired"
        case "REVKEYSIG": spoilt = "the key of the signature was revoked"
        case "ERRSIG":
            // The sixth word is the reason; 9: no such key.
            if words.count >= 6, words[5] == "9" {
                unknownKeys.append(words[0])
            } else {
                spoilt = "the signature is of a kind that is not trusted"
            }
        case "PLAINTEXT": texts += 1
        case "NODATA": spoilt = "there is no signature in it"
        case "ERROR", "UNEXPECTED": spoilt = "there is more in it than one signed text"
        default: break
        }
    }

    /// The fingerprints of those who signed.
    /// - Parameter url: where the text comes from, for messages.
    func signers(keyring: String, url: String) throws(PublisherError) -> [String] {
        func refused(_ what: String) -> PublisherError {
            .refused("\(url): \(what); check the URL of the signature and the keyring '\(keyring)'")
        }
        switch exit {
        case .timedOut, .tooTalkative, .signal:
            throw .passing("\(url): the signature could not be verified in time; try again")
        case .code(126...):
            throw .machine("signatures cannot be verified: gpgv cannot be run; run it by hand to see why")
        case .code(let code):
            if let spoilt { throw refused(spoilt) }
            guard texts == (isDetached ? 0 : 1) else {
                throw refused(
                    isDetached ? "the signature has a text of its own" : "there is not one signed text in it")
            }
            guard let first = good.first else {
                guard let key = unknownKeys.first else { throw refused("no signature was found") }
                throw refused("it is signed by the key \(key.prefix(40)), which the keyring does not have")
            }
            // A key that is not known makes gpgv say so with its exit code; nothing else may.
            guard code == 0 || !unknownKeys.isEmpty else { throw refused("gpgv does not trust the signature") }
            return good.reduce(into: [first]) { if !$0.contains($1) { $0.append($1) } }
        }
    }
}

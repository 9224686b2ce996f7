import TestSupport

extension SourceTrick {
    /// What stays as it is, and is asked for once.
    static func lasting(using random: inout SeededRandom) -> [SourceTrick] {
        statuses + redirects + lengths + encodings(using: &random) + otherImages(using: &random) + noise + strangers
    }

    private static let statuses: [SourceTrick] =
        [204, 300, 302, 304, 400, 401, 403, 404, 405, 407, 410, 416, 451].map { status in
            .init("\(status)", .refused("the server answered \(status)")) { _ in
                [head("\(status) Never", "Content-Length: 0")]
            }
        } + [
            .init("a part that nobody asked for", .refused("the server answered 206")) { visit in
                let end = visit.image.count / 2
                return [
                    head(
                        "206 Partial Content", "Content-Length: \(end)",
                        "Content-Range: bytes 0-\(end - 1)/\(visit.image.count)"),
                    .sendBytes(Array(visit.image.prefix(end))),
                ]
            },
            .init("a secret in the words of a status", .refused("the server answered 403")) { _ in
                [head("403 token=hush is not a token", "Content-Length: 0")]
            },
        ]

    private static let redirects: [SourceTrick] =
        [
            ("http://169.254.169.254/latest?token=hush", "not a public address"),
            ("http://user:hush@10.1.2.3/", "not a public address"), ("https://[::1]/", "not a public address"),
            ("//0.0.0.0/", "not a public address"), ("file:///etc/passwd", "use http or https"),
            ("ftp://127.0.0.1/?hush", "use http or https"), ("http://2130706433/", "the host must be"),
            ("http://127.0.0.1:99999/#hush", "the port after the host"),
        ].map { location, words in
            .init("a redirect to \(location)", .refused(words)) { _ in
                [head("302 Found", "Location: \(location)", "Content-Length: 0")]
            }
        } + [
            .init("a circle of redirects", .refused("more than 5 redirects"), requestsPerAttempt: 6) { visit in
                [head("307 Again", "Location: \(visit.path)?token=hush", "Content-Length: 0")]
            },
            .init("a chain of redirects", .refused("more than 5 redirects"), requestsPerAttempt: 6) { visit in
                [head("301 On", "Location: \(visit.path)/\(visit.hop + 1)?token=hush", "Content-Length: 0")]
            },
        ]

    private static let lengths: [SourceTrick] =
        ["-1", "many", "12 34", "0x10", "99999999999999999999999", ""].map { length in
            .init("the length '\(length)'", .refused("content-length")) { visit in
                [head("200 OK", "Content-Length: \(length)"), .sendBytes(visit.image)]
            }
        } + [
            .init("a length beyond all limits", .refused("larger than the limit")) { visit in
                [head("200 OK", "Content-Length: \(1 << 50)"), .sendBytes(visit.image)]
            },
            .init("a length that is too short", .refused("sent more than")) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count / 3)"), .sendBytes(visit.image)]
            },
            .init("a length that is a byte too short", .refused("sent more than")) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count - 1)"), .sendBytes(visit.image)]
            },
            .init("a length that is too short, and the end", .refused("sent more than")) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count / 2)", "Connection: close")]
                    + [.sendBytes(visit.image)]
            },
            .init("bytes behind the last chunk", .refused("sent more than")) { visit in
                [head("200 OK", "Transfer-Encoding: chunked")] + chunks(visit.image, of: 9000)
                    + [.send("0\r\n\r\nand more")]
            },
            .init("two answers", .refused("sent more than")) { whole($0.image) + whole($0.image) },
            .init("two lengths", .refused("content-length")) { visit in
                let lengths = [visit.image.count, visit.image.count / 2]
                return [
                    head("200 OK", "Content-Length: \(lengths[0])", "Content-Length: \(lengths[1])"),
                    .sendBytes(visit.image),
                ]
            },
            .init("a length and chunks", .refused("not HTTP")) { visit in
                [head("200 OK", "Content-Length: \(visit.image.count)", "Transfer-Encoding: chunked")]
                    + chunks(visit.image, of: 9000) + [.send("0\r\n\r\n")]
            },
            .init("neither a length nor chunks", .refused("neither a length nor chunks")) { visit in
                [head(), .sendBytes(visit.image)]
            },
            .init("nothing", .refused("empty")) { _ in whole([]) },
            .init("nothing, in chunks", .refused("empty")) { _ in
                [head("200 OK", "Transfer-Encoding: chunked"), .send("0\r\n\r\n")]
            },
        ]

    private static func encodings(using random: inout SeededRandom) -> [SourceTrick] {
        let told = ["gzip", "br", "deflate", "x-gzip", "zstd"].map { coding -> SourceTrick in
            .init("plain bytes that are called \(coding)", .refused("encoded as '\(coding)'")) {
                whole($0.image, ["Content-Encoding: \(coding)"])
            }
        }
        let untold: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        return told + [
            .init("packed bytes that are called plain", .refused("qcow2"), format: "qcow2") {
                whole(untold + $0.image)
            },
            .init("chunks of packed bytes", .refused("encoded as"), format: "qcow2") { visit in
                [head("200 OK", "Transfer-Encoding: gzip, chunked")] + chunks(visit.image, of: 9000)
                    + [.send("0\r\n\r\n")]
            },
        ]
    }

    /// Whole answers that bring something else.
    private static func otherImages(using random: inout SeededRandom) -> [SourceTrick] {
        let page = Array("<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>\n".utf8)
        let size = Int.random(in: 1...4000, using: &random)
        let pages = Array(repeatElement(page, count: size).joined())
        return ["qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso"].map { format in
            .init("a page instead of a \(format)", .refused(format), format: format) { _ in
                whole(pages, ["Content-Type: text/html"])
            }
        } + [
            .init("a page instead of known bytes", .refused("digest"), isChecked: true) { _ in whole(pages) },
            .init("a short image with a length of its own", .refused("digest"), isChecked: true) { visit in
                whole(Array(visit.image.dropLast(size)))
            },
            .init("a changed byte", .refused("digest"), isChecked: true) { visit in
                var image = visit.image
                image[image.count / 2] ^= 1
                return whole(image)
            },
        ]
    }

    private static let noise: [SourceTrick] = [
        .init("another protocol", .refused("not HTTP")) { _ in [.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")] },
        .init("another version", .refused("HTTP version")) { _ in
            [.send("HTTP/9.9 200 OK\r\nContent-Length: 1\r\n\r\nx")]
        },
        .init("noise for headers", .refused("not HTTP")) { _ in
            [.sendBytes(Array("HTTP/1.1 200 OK\r\n".utf8) + (0...255).map { UInt8($0) } + Array("\r\n\r\n".utf8))]
        },
        .init("a header of 200 KB", .refused("not HTTP")) { _ in
            [head("200 OK", "X: " + String(repeating: "x", count: 200_000), "Content-Length: 1"), .send("x")]
        },
        .init("a flood of headers", .refused("not HTTP")) { _ in
            [
                .send("HTTP/1.1 200 OK\r\n" + String(repeating: "X-Flood: true\r\n", count: 50_000)),
                .send("Content-Length: 1\r\n\r\nx"),
            ]
        },
        .init("an answer that changes the protocol", .refused("answered 101")) { _ in
            [head("101 Switching Protocols", "Upgrade: h2c", "Connection: upgrade")]
        },
    ]

    private static let strangers: [SourceTrick] = [
        .init("a certificate that has expired", .refused("certificate"), on: .expired, requestsPerAttempt: 0) {
            whole($0.image)
        },
        .init("a certificate that nobody signed", .refused("certificate"), on: .selfSigned, requestsPerAttempt: 0) {
            whole($0.image)
        },
        .init("a certificate for another host", .refused("certificate"), on: .foreign, requestsPerAttempt: 0) {
            whole($0.image)
        },
    ]
}

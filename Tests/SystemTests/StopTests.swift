import AsyncHTTPClient
import FaultHarness
import Foundation
import ImportModel
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    @Suite struct StopTests {
        @Test("SIGTERM in the middle of an upload and a download: both come to their end, and the process to its own")
        func stop() async throws {
            try await Standalone.run { standalone in
                let whole = ByteBuffer(repeating: 7, count: 4 << 20)
                let stored = try await standalone.client.create("stored")
                let put = try await standalone.client.send(
                    .PUT, "/v2/images/\(stored)/file", headers: [("Content-Type", "application/octet-stream")],
                    body: Data(whole.readableBytesView))
                try #require(put.status == 204, "\(put.text)")
                let uploaded = try await standalone.client.create("uploaded")

                let http = HTTPClient(eventLoopGroupProvider: .singleton)
                let result = await Task {
                    let (blocks, sender) = AsyncStream.makeStream(of: ByteBuffer.self)
                    sender.yield(whole)
                    async let upload = http.execute(
                        Self.upload(standalone, uploaded, blocks), timeout: .seconds(120)
                    ).status
                    let download = try await http.execute(
                        HTTPClientRequest(url: "\(standalone.client.endpoint)/v2/images/\(stored)/file"),
                        timeout: .seconds(120))
                    try await eventually { try await standalone.client.image(uploaded).status == "saving" }

                    standalone.process.drain()
                    try await eventually {
                        do {
                            _ = try await standalone.client.send(.GET, "/healthz", headers: [("Connection", "close")])
                            return false
                        } catch {
                            return true
                        }
                    }
                    #expect(!standalone.process.hasExited)
                    sender.yield(whole)
                    sender.finish()
                    #expect(try await upload.code == 204)
                    #expect(try await download.body.collect(upTo: 8 << 20) == whole)
                }.result
                try await http.shutdown()
                try result.get()
                try await eventually(within: .seconds(60)) { standalone.process.hasExited }
                #expect(standalone.process.wrongEnd == nil)
                #expect(standalone.process.lines().last?.message == "standalone has stopped")
            }
        }

        private static func upload(
            _ standalone: Standalone, _ image: ImageID, _ blocks: AsyncStream<ByteBuffer>
        ) -> HTTPClientRequest {
            var request = HTTPClientRequest(url: "\(standalone.client.endpoint)/v2/images/\(image)/file")
            request.method = .PUT
            request.headers = ["Content-Type": "application/octet-stream"]
            request.body = .stream(blocks, length: .unknown)
            return request
        }
    }
}

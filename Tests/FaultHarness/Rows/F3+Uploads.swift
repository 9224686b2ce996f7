import ImportModel
import NIOHTTP1
import TestSupport

/// API processes that die in an upload, which goes with them: nothing is left of it, and it may be sent again.
struct DoomedUploads {
    let run: FaultRun
    let fleet: Fleet

    private static let points: [Failpoint] = [.uploadSent, .uploadAnswered, .blockWritten, .commitDone]

    func round(_ number: Int) async throws {
        let steady = try await fleet.startAPI()
        var images: [ImageID: SourceImage] = [:]
        for (index, point) in Self.points.enumerated() {
            let source = SourceImage(seed: 10_000_000 + number * Self.points.count + index, mib: 2)
            let image = try await steady.client.create()
            let doomed = try await fleet.startAPI(
                .init(environment: [FailpointPlan.variable: "\(point.rawValue)=kill@1"]))
            // Its connection breaks: that is the answer.
            let answer = try? await upload(source, to: image, by: doomed.client)
            if let answer { run.violated(.carriedThrough, "nobody died: \(UnexpectedAnswer(point.rawValue, answer))") }
            try await eventually { doomed.process.hasExited }
            run.count(.kill)
            try await eventually(within: .seconds(60)) { try await steady.client.image(image).status == "queued" }
            let again = try await upload(source, to: image, by: steady.client)
            if again.status != 204 { run.violated(.ends, "\(UnexpectedAnswer("an upload after a death", again))") }
            images[image] = source
        }
        run.ended(images: images.count)
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(images))
        steady.process.kill()
    }

    private func upload(
        _ source: SourceImage, to image: ImageID, by client: FleetClient
    ) async throws -> FleetClient.Answer {
        try await client.send(
            .PUT, "/v2/images/\(image)/file", headers: [("Content-Type", "application/octet-stream")],
            body: source.bytes)
    }
}

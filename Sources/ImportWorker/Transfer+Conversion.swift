import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore

/// Images that are stored in another format than they come in.
extension Transfer {
    /// Where the bytes wait to be converted, if they are to be.
    func makeScratch() async throws -> ScratchTarget? {
        guard let converter = runner.converter,
            converter.converts(disk: claim.image.diskFormat, container: claim.image.containerFormat)
        else { return nil }
        return ScratchTarget(try await converter.makeScratch())
    }

    var maxBytesToConvert: Int64 {
        min(runner.limits.maxBytes, runner.converter?.limits.maxBytes ?? .max)
    }

    /// Brings what waits in `scratch`, received and accepted, into the stores in the format that is configured.
    ///
    /// Nothing of the source is believed of the result: it is inspected like any image, and has digests of its own.
    /// - Returns: `received` as it is, if there is no `scratch`.
    func convert(
        _ scratch: ScratchTarget?, _ received: ImportedContent, into targets: [any ImageStorage]
    ) async throws -> ImportedContent {
        guard let scratch, let converter = runner.converter, let disk = claim.image.diskFormat else { return received }
        let (keeper, image, format) = (keeper, claim.image, converter.format)
        keeper.note(converting: 0, to: format)
        let converted = try await converter.convert(scratch.file, from: disk) {
            keeper.note(converting: $0, to: format)
        }
        let body = try await converted.body()
        keeper.note(bytesTotal: body.sizeBytes)
        let result = DeclaredFormat(disk: format, container: "bare")
        do {
            var content = try await pipeline(into: targets, expected: nil, as: result).run(
                body, expectedBytes: body.sizeBytes
            ) { sizeBytes, digests in
                keeper.note(phase: .committing)
                return ObjectDescription(
                    image: image.id, name: image.name, owner: image.owner, diskFormat: format, containerFormat: "bare",
                    sizeBytes: sizeBytes, digests: digests)
            }
            content.provenance = received.provenance
            content.convertedTo = format
            content.received =
                received.received
                ?? ReceivedBytes(sizeBytes: received.sizeBytes, digest: "sha512:\(received.digests.sha512)")
            return content
        } catch PipelineError.refusedFormat(let reason) {
            throw Fault.rejected("what the image became when it was converted to \(format) is refused: \(reason)")
        }
    }
}

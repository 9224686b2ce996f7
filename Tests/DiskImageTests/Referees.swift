import DiskImage
import DiskImageSamples
import Foundation
import Testing

/// The other programs that look at images: a batch is judged by `Tests/Fuzz/referees.py`.
enum Referees {
    struct Counts {
        var images = 0
        var accepted = 0
        /// Of the accepted: opened by qemu-img with the same size.
        var agreedSizes = 0
        /// Of the accepted: damaged, so that qemu-img does not open them.
        var notOpened = 0
        /// Refused for every declaration although the others see no harm.
        var refusedAlone = 0
    }

    private struct Case: Encodable {
        let path: String
        let formats: [String]
    }

    private struct Answer: Decodable {
        struct Oslo: Decodable { let formats: [String], isSafe: Bool, reason: String }
        struct QEMU: Decodable { let format: String, virtualSize: Int64, otherFiles: [String] }
        let oslo: Oslo
        let qemu: [String: QEMU?]
    }

    private struct Acceptance {
        let declared: String
        let size: Int64?
    }

    private static let declarations = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "luks", "qed", "gpt"]
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")

    static func judge(_ images: [[UInt8]], name: String, _ counts: inout Counts) async throws {
        let inspections = images.map { Inspection(of: $0) }
        let accepted = inspections.map { inspection in
            declarations.compactMap { declared -> Acceptance? in
                guard case .accepted(let size) = inspection.verdict(declared: declared, container: "bare")
                else { return nil }
                return Acceptance(declared: declared, size: size)
            }
        }
        let answers = try await ask(zip(images, accepted).map { ($0, $1.map { qemuName($0.declared) }) })
        for (number, (answer, accepted)) in zip(answers, accepted).enumerated() {
            counts.images += 1
            counts.accepted += accepted.isEmpty ? 0 : 1
            counts.refusedAlone += accepted.isEmpty && answer.oslo.isSafe ? 1 : 0
            for acceptance in accepted {
                let said = objection(to: acceptance, inspections[number], answer, &counts)
                if let said {
                    let copy = FileManager.default.temporaryDirectory.appending(path: "objection-\(number)")
                    try Data(images[number]).write(to: copy)
                    Issue.record("\(name), image \(number) (\(copy.path)) as \(acceptance.declared): \(said)")
                }
            }
        }
    }

    /// The name to open it by; none for raw ones, to see what a program makes of them that is left to guess.
    private static func qemuName(_ declared: String) -> String {
        ["raw", "iso", "gpt"].contains(declared) ? "" : DiskImageFormat(name: declared)?.qemuName ?? ""
    }

    private static func objection(
        to acceptance: Acceptance, _ inspection: Inspection, _ answer: Answer, _ counts: inout Counts
    ) -> String? {
        let declared = acceptance.declared
        let isFixedVHD = declared == "vhd" && inspection.markOffset == nil
        if !answer.oslo.isSafe { return "oslo.utils calls it unsafe: \(answer.oslo.reason)" }
        let fitting: [[String]] =
            switch declared {
            case "raw": [["raw"], ["gpt"], ["luks"]]
            case "iso": [["iso"], ["gpt", "iso"]]
            case "gpt": [["gpt"], ["raw"]]
            // Not known there: the mark is at the end.
            case "vhd": isFixedVHD ? [["raw"], ["gpt"]] : [["vhd"]]
            default: [[declared]]
            }
        if !fitting.contains(answer.oslo.formats) { return "oslo.utils calls it \(answer.oslo.formats)" }
        guard let asked = answer.qemu[qemuName(declared)], let qemu = asked else {
            counts.notOpened += 1
            // What has no format of its own can always be opened; what has one may be damaged.
            return ["raw", "iso", "gpt"].contains(declared) && inspection.format != .luks
                ? "qemu-img does not open it" : nil
        }
        if !qemu.otherFiles.isEmpty { return "qemu-img finds other files: \(qemu.otherFiles)" }
        let isLUKSAsRaw = declared == "raw" && inspection.format == .luks
        let expected = isLUKSAsRaw ? "luks" : DiskImageFormat(name: declared)?.qemuName ?? "raw"
        if qemu.format != expected { return "qemu-img calls it \(qemu.format)" }
        // Sizes there are in whole sectors.
        if let size = acceptance.size, !isLUKSAsRaw, abs(size - qemu.virtualSize) > 511 {
            return "a disk of \(size) bytes is one of \(qemu.virtualSize) to qemu-img"
        }
        counts.agreedSizes += 1
        return nil
    }

    private static func ask(_ images: [(bytes: [UInt8], formats: [String])]) async throws -> [Answer] {
        try await Tools.withFolder { folder in
            var lines = Data()
            for (number, image) in images.enumerated() {
                let file = folder.appending(path: "\(number).image")
                try writeSparsely(image.bytes, to: file)
                lines += try JSONEncoder().encode(Case(path: file.path, formats: Array(Set(image.formats))))
                lines.append(0x0A)
            }
            let (input, output) = (folder.appending(path: "cases"), folder.appending(path: "answers"))
            try lines.write(to: input)
            try Data().write(to: output)
            let python = root.appending(path: ".venv/bin/python").path
            let script = root.appending(path: "Tests/Fuzz/referees.py").path
            try await Tools.run([python, script], input: input, output: output)
            let answers = try Data(contentsOf: output).split(separator: 0x0A).map {
                try JSONDecoder().decode(Answer.self, from: $0)
            }
            try #require(answers.count == images.count)
            return answers
        }
    }

    /// Empty parts take no space and no time.
    private static func writeSparsely(_ bytes: [UInt8], to file: URL) throws {
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        let empty = Data(count: 4096)
        let data = Data(bytes)
        for start in stride(from: 0, to: data.count, by: empty.count) {
            let page = data[start..<min(data.count, start + empty.count)]
            if page == empty { continue }
            try handle.seek(toOffset: UInt64(start))
            try handle.write(contentsOf: page)
        }
        try handle.truncate(atOffset: UInt64(bytes.count))
        try handle.close()
    }
}

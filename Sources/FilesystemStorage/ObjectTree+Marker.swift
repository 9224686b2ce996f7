import Foundation
import Glibc
import ImageStorage
import ImportModel

extension ObjectTree {
    static let markerName = "longshore-store.json"

    func readMarker() throws(StorageError) -> StoreMarker? {
        let bytes: [UInt8]
        do {
            let top = try OpenFile(folderAt: root)
            let file = try OpenFile(Self.markerName, in: top, O_RDONLY)
            bytes = try Self.readSmall(file, Self.markerName)
        } catch {
            if error.code == ENOENT { return nil }
            throw error.fault(of: store, root: root)
        }
        do { return try FleetJSON.decode(StoreMarker.self, from: Data(bytes)) } catch {
            throw .misconfigured(
                store, reason: "\(root)/\(Self.markerName) cannot be read (\(error)); restore it from a copy")
        }
    }

    /// Creates the root if it is missing, writes beside the marker and renames over it, or links to its name if that is free.
    func writeMarker(_ marker: StoreMarker, ifAbsent: Bool) throws(StorageError) {
        let json: [UInt8]
        do { json = Array(try FleetJSON.encode(marker)) } catch {
            throw .unavailable(store, reason: "the marker cannot be written as JSON: \(error)")
        }
        let temporary = "\(Self.markerName).\(Nonce.mint())"
        do throws(SystemError) {
            try createRoot()
            let top = try OpenFile(folderAt: root)
            let file = try OpenFile(temporary, in: top, O_WRONLY | O_CREAT | O_EXCL)
            do throws(SystemError) {
                try writeAll(json, to: file, temporary)
                if ifAbsent {
                    try Self.ignoring([EEXIST]) { () throws(SystemError) in
                        try SystemError.check("link", Self.markerName) {
                            linkat(top.descriptor, temporary, top.descriptor, Self.markerName, 0)
                        }
                    }
                    unlinkat(top.descriptor, temporary, 0)
                } else {
                    try SystemError.check("rename", Self.markerName) {
                        renameat(top.descriptor, temporary, top.descriptor, Self.markerName)
                    }
                }
            } catch {
                unlinkat(top.descriptor, temporary, 0)
                throw error
            }
            try top.sync(".")
        } catch {
            throw error.fault(of: store, root: root)
        }
    }

    /// Writes and removes a file, and looks for the marker.
    func check() throws(StorageError) {
        let probe = ".longshore-check.\(Nonce.mint())"
        do {
            let top = try OpenFile(folderAt: root)
            let file = try OpenFile(probe, in: top, O_WRONLY | O_CREAT | O_EXCL)
            defer { unlinkat(top.descriptor, probe, 0) }
            try writeAll(Array("longshore".utf8), to: file, probe)
        } catch {
            throw error.fault(of: store, root: root)
        }
        guard try readMarker() == nil else { return }
        throw .misconfigured(
            store,
            reason: """
                \(root) has no \(Self.markerName), so it was never set up or is not the shared folder; \
                mount the file system that holds the store
                """)
    }

    private func createRoot() throws(SystemError) {
        var path = ""
        for part in root.split(separator: "/") {
            path += "/\(part)"
            try Self.ignoring([EEXIST]) { () throws(SystemError) in
                try SystemError.check("mkdir", path) { mkdir(path, 0o700) }
            }
        }
    }

    private static func readSmall(_ file: borrowing OpenFile, _ name: String) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let outcome: Result<Int, SystemError> = bytes.withUnsafeMutableBytes { buffer in
            do throws(SystemError) { return .success(try file.read(into: buffer, at: 0, name)) } catch {
                return .failure(error)
            }
        }
        return Array(bytes.prefix(try outcome.get()))
    }
}

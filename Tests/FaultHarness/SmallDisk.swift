package import Foundation
import NIOPosix
import TestSupport

/// A small disk that a fleet's processes share and nobody else sees: it goes with them.
///
/// The first process makes it, in a mount namespace of its own; the others join that one. It is mounted twice, so that
/// it can be taken away from the store's place and come back with what is on it.
package struct SmallDisk: Sendable {
    let mib: Int
    /// Where the store is mounted.
    let store: URL

    package init(mib: Int, store: URL) {
        self.mib = mib
        self.store = store
    }

    /// Where the disk itself stays.
    private var disk: URL { store.deletingLastPathComponent().appendingPathComponent("disk") }
    private static var isRoot: Bool { geteuid() == 0 }

    /// What starts the first process.
    package var founder: [String] {
        let mount =
            #"mkdir -p "$1" "$2" && mount -t tmpfs -o size="$3"m none "$1" && mount --bind "$1" "$2" && "#
            + #"shift 3 && exec "$@""#
        return [
            "unshare", Self.isRoot ? "-m" : "-rm", "sh", "-c", mount, "sh", disk.path, store.path, String(mib),
        ]
    }

    /// What starts another one.
    package func member(of founder: ServiceProcess) -> [String] {
        ["nsenter"] + (Self.isRoot ? [] : ["-U", "--preserve-credentials"]) + ["-m", "-t", String(founder.pid)]
    }

    /// What is on it, as it can be seen from outside.
    func contents(of founder: ServiceProcess) -> StoreFolder {
        StoreFolder(folder: URL(fileURLWithPath: "/proc/\(founder.pid)/root\(disk.path)"))
    }

    /// Fails while somebody writes.
    func setReadOnly(_ isReadOnly: Bool, for founder: ServiceProcess) async throws {
        try await mount(["mount", "-o", "remount,bind,\(isReadOnly ? "ro" : "rw")", store.path], founder)
    }

    func takeAway(from founder: ServiceProcess) async throws { try await mount(["umount", "-l", store.path], founder) }

    func bringBack(to founder: ServiceProcess) async throws {
        try await mount(["mount", "--bind", disk.path, store.path], founder)
    }

    private func mount(_ words: [String], _ founder: ServiceProcess) async throws {
        let all = member(of: founder) + words
        let ending = try await Program.run("/usr/bin/env", all, limit: 20)
        guard ending.code == 0 else { throw ServiceFailure("\(words.joined(separator: " ")): \(ending.complaint)") }
    }
}

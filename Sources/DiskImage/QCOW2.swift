/// QEMU copy-on-write, versions 2 and 3: big-endian, everything in clusters.
///
/// The limits are those of QEMU's own reader, `block/qcow2.c`; the layout is in its `docs/interop/qcow2.rst`.
enum QCOW2 {
    private static let flatten = "flatten it with 'qemu-img convert -O qcow2'"

    static func examine(_ head: FileWindow) -> Evidence {
        var evidence = Evidence(.qcow2)
        guard let header = Record(head, at: 0, count: 72, .big) else {
            evidence.refuse("cut-short", at: 0, "its header is cut short")
            return evidence
        }
        let version = header.u32(4)
        guard version == 2 || version == 3 else {
            evidence.refuse(
                "version", at: 4, "it is of version \(version)",
                because: "only versions 2 and 3 can be checked", "convert it with 'qemu-img convert -O qcow2'")
            return evidence
        }
        evidence.virtualSizeBytes = header.u64(24)
        if header.u64(8) != 0 {
            evidence.refuse(
                "backing-file", at: 8, "it names a backing file at offset \(header.u64(8))",
                because: "a hypervisor would read that file of its host as part of the disk", flatten)
        }
        let clusterBits = header.u32(20)
        guard (9...21).contains(clusterBits) else {
            evidence.refuse("cluster-size", at: 20, "its clusters have 2^\(clusterBits) bytes, not 2^9 to 2^21")
            return evidence
        }
        let cluster = UInt64(1) << clusterBits
        examineTables(header, cluster, &evidence)
        switch header.u32(32) {
        case 0: break
        case 1: evidence.note("encrypted by the old AES method, which hypervisors no longer open")
        case 2: evidence.note("encrypted by LUKS")
        default: evidence.refuse("encryption", at: 32, "its encryption method \(header.u32(32)) is unknown")
        }
        let headerLength = version == 2 ? 72 : examineVersion3(head, cluster, &evidence)
        // Version 2 has no feature bits; a reader that misses the version would still look at them.
        if version == 2, let bits = Record(head, at: 72, count: 8, .big)?.u64(0), bits & Feature.dataFile != 0 {
            refuseDataFile(at: 72, &evidence)
        }
        examineExtensions(head, from: headerLength, cluster, &evidence)
        return evidence
    }

    private static func examineTables(_ header: Record, _ cluster: UInt64, _ evidence: inout Evidence) {
        let (l1Entries, l1Offset) = (header.u32(36), header.u64(40))
        let needed = header.u64(24).pieces(of: cluster.times(cluster / 8))
        if l1Entries < needed || l1Entries > 1 << 22 {
            evidence.refuse("l1-table", at: 36, "its L1 table has \(l1Entries) entries where \(needed) are needed")
        }
        let (refcountOffset, refcountClusters) = (header.u64(48), header.u32(56))
        if refcountClusters == 0 || refcountClusters.times(cluster) > 8 << 20 {
            evidence.refuse("refcount-table", at: 56, "its reference count table has \(refcountClusters) clusters")
        }
        let (snapshots, snapshotOffset) = (header.u32(60), header.u64(64))
        if snapshots > 65_536 {
            evidence.refuse("snapshots", at: 60, "it claims \(snapshots) snapshots, more than 65,536")
        }
        for (name, place, offset, size) in [
            ("the L1 table", 40, l1Offset, l1Entries.times(8)),
            ("the reference count table", 48, refcountOffset, refcountClusters.times(cluster)),
            ("the snapshot table", 64, snapshotOffset, snapshots.times(40)),
        ] where size > 0 {
            if offset % cluster != 0 || offset == 0 {
                evidence.refuse("alignment", at: UInt64(place), "\(name) is at \(offset), not at a cluster of its own")
            }
            evidence.needs(name, at: offset, size)
        }
    }

    private enum Feature {
        static let dirty: UInt64 = 1
        static let corrupt: UInt64 = 2
        static let dataFile: UInt64 = 4
        static let compressionType: UInt64 = 8
        static let extendedL2: UInt64 = 16
    }

    /// Returns where the header ends and its extensions begin.
    private static func examineVersion3(_ head: FileWindow, _ cluster: UInt64, _ evidence: inout Evidence) -> UInt64 {
        guard let header = Record(head, at: 0, count: 104, .big) else {
            evidence.refuse("cut-short", at: 72, "its header is cut short")
            return 104
        }
        let features = header.u64(72)
        if features & Feature.dataFile != 0 { refuseDataFile(at: 72, &evidence) }
        if features & Feature.extendedL2 != 0 {
            evidence.refuse(
                "extended-l2", at: 72, "it has extended L2 tables",
                because: "their checks are not settled and image services refuse them", flatten)
        }
        let known = Feature.dirty | Feature.corrupt | Feature.dataFile | Feature.compressionType | Feature.extendedL2
        if features & ~known != 0 {
            evidence.refuse(
                "features", at: 72, "it asks for unknown features (bits \(String(features & ~known, radix: 16)))",
                because: "what they make a reader do cannot be checked", flatten)
        }
        if features & Feature.dirty != 0 { evidence.note("marked dirty: it was not closed by its last writer") }
        if features & Feature.corrupt != 0 { evidence.note("marked corrupt by its last writer") }
        if header.u32(96) > 6 {
            evidence.refuse("refcount-width", at: 96, "its reference counts have 2^\(header.u32(96)) bits")
        }
        let length = header.u32(100)
        guard length >= 104, length % 8 == 0, length <= cluster else {
            evidence.refuse("header-length", at: 100, "its header has \(length) bytes")
            return 104
        }
        let compression = length > 104 ? Record(head, at: 104, count: 1, .big)?.u8(0) ?? 0 : 0
        if compression > 1 || (compression != 0) != (features & Feature.compressionType != 0) {
            evidence.refuse("compression", at: 104, "its compression type \(compression) is unknown or not flagged")
        }
        return length
    }

    private static func examineExtensions(
        _ head: FileWindow, from start: UInt64, _ cluster: UInt64, _ evidence: inout Evidence
    ) {
        var place = start
        while place.adding(8) <= cluster {
            guard let header = Record(head, at: place, count: 8, .big) else {
                evidence.refuse("extensions", at: place, "its header extensions do not end")
                return
            }
            let (type, length) = (header.u32(0), header.u32(4))
            if type == 0 { return }
            let next = place.adding(8).adding(length.pieces(of: 8).times(8))
            if next > cluster {
                evidence.refuse("extensions", at: place, "a header extension of \(length) bytes leaves its cluster")
                return
            }
            if type == 0x4441_5441 { refuseDataFile(at: place, &evidence) }
            if type == 0x0537_BE77, let encryption = Record(head, at: place.adding(8), count: 16, .big) {
                evidence.needs("the encryption header", at: encryption.u64(0), encryption.u64(8))
            }
            place = next
        }
    }

    private static func refuseDataFile(at offset: UInt64, _ evidence: inout Evidence) {
        evidence.refuse(
            "data-file", at: offset, "its data is in an external data file",
            because: "a hypervisor would read and write that file of its host", flatten)
    }
}

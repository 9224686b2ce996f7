import Foundation
import ImageCatalog
import ImportModel
import LeaseStore
import RedisClient

/// Lists of a large catalog: how long each takes to be found, loaded and written as JSON, and what the indexes take of
/// Redis's memory. Not measured through HTTP, so that it can be asked for as any project.
struct Lists {
    private static let count = 100_000
    private static let admin = Caller(project: "operators", user: "bench", roles: ["admin"])
    private static let member = Caller(project: "small", user: "bench", roles: ["member"])
    private static let large = Caller(project: "project-7", user: "bench", roles: ["member"])

    private struct Request {
        let name: String
        let query: String
        var caller = Lists.admin
        var times = 200
        /// Without: it is known to look at everything.
        var target: Target? = .atMost(50)
    }

    private static let requests = [
        Request(name: "the default page, an administrator", query: ""),
        Request(name: "the default page, a project with 10 images", query: "", caller: member),
        Request(name: "name=, one image", query: "name=image-705"),
        Request(name: "name=, none", query: "name=nothing", caller: member),
        Request(name: "tag=, 2,000 images", query: "tag=nightly"),
        Request(name: "owner=, 200 images", query: "owner=project-7"),
        Request(name: "status=queued, 50 images", query: "status=queued"),
        Request(name: "visibility=public, 1,000 images", query: "visibility=public"),
        Request(name: "os_hidden=true, 100 images", query: "os_hidden=true"),
        Request(name: "sort=name:asc, an administrator", query: "sort=name:asc"),
        Request(name: "sort=name:asc, a page in the middle", query: "sort=name:asc&marker=\(middle)"),
        Request(name: "sort=name:asc, a project with 200 images", query: "sort=name:asc", caller: large),
        Request(name: "sort=updated_at:desc, an administrator", query: "sort=updated_at:desc"),
        Request(name: "tag= of 2,000 images, sort=size", query: "tag=nightly&sort=size:desc"),
        Request(name: "limit=1000, an administrator", query: "limit=1000", times: 50, target: nil),
        Request(name: "sort=size, which no index has", query: "sort=size:desc", times: 5, target: nil),
        Request(name: "a property that one image has", query: "os_version=v705", times: 5, target: nil),
    ]

    /// The image in the middle of the names.
    private static let middle = ImageID.random()

    func measure(at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.none) { catalog, _ in
            try await Self.fill(catalog)
            var figures: [Figure] = []
            for request in Self.requests {
                let (times, section) = (try await Self.measure(request, catalog), "lists of 100,000 images")
                figures.append(Figure(section: section, name: request.name, value: times.median, unit: "ms, median"))
                figures.append(
                    Figure(
                        section: section, name: "", value: times.quantile(0.99), unit: "ms, p99",
                        target: request.target))
            }
            return figures + (try await memory(catalog))
        }
    }

    /// Milliseconds of each time.
    private static func measure(_ request: Request, _ catalog: Catalog) async throws -> [Double] {
        let images = ImageCatalog.Catalog(store: catalog.store)
        guard let parameters = PercentCoding.parameters(request.query) else { throw BenchError("no query") }
        let query = try ImageQuery(parameters)
        var times: [Double] = []
        // The first ones warm everything up.
        for time in 0..<(request.times + 2) {
            let start = ContinuousClock.now
            let page = try await images.list(query, for: request.caller)
            var bytes = page.document.beginning.count + page.document.end.count
            for first in stride(from: 0, to: page.ids.count, by: 50) {
                bytes += page.document.part(try await page.images(first..<(first + 50)), isFirst: first == 0).count
            }
            if time > 1 { times.append((ContinuousClock.now - start).inMilliseconds) }
        }
        return times
    }

    /// Fills a catalog as that of a large cloud: 500 projects with 200 images each, and a small one.
    static func fill(_ catalog: Catalog) async throws {
        let ids = (0..<count).map { $0 == count / 2 ? middle : ImageID.random() }
        _ = try await timed(count, inFlight: 64) { index in
            // Names come in another order than creation.
            let number = index * 7919 % count
            var image = ImageRecord(id: ids[index])
            image.name = index == count / 2 ? "image-5" : "image-\(number)"
            image.owner = index % 10_000 == 1 ? member.project : "project-\(index % 500)"
            image.visibility = index % 100 == 0 ? .public : number % 3 == 0 ? .private : .shared
            image.isHidden = index % 1000 == 3
            image.tags = Set(["set-\(number % 20)"] + (index % 50 == 7 ? ["nightly"] : []))
            image.properties = [
                "os_distro": "debian", "os_version": "v\(number)", "hw_disk_bus": "virtio", "architecture": "x86_64",
            ]
            (image.diskFormat, image.containerFormat) = ("qcow2", "bare")
            guard try await catalog.store.createImage(image) != nil else { throw BenchError("an image exists already") }
        }
        // All but fifty have their bytes; what an import does besides is measured elsewhere.
        let active = ids.dropLast(50)
        for first in stride(from: 0, to: active.count, by: 1000) {
            let part = active[first..<min(first + 1000, active.count)].map { $0.rawValue as any RedisArgument }
            try await catalog.redis.run(activate, keys: ["{\(Catalog.prefix)}:control"], arguments: part)
        }
    }

    private static let activate = RedisScript(
        name: "activate",
        source: """
            local tag = string.match(KEYS[1], '^{[^{}]+}:')
            for index, id in ipairs(ARGV) do
                local digest = string.rep('0a', 16)
                redis.call('HSET', tag .. 'image:' .. id, 'status', 'active', 'size', 1000000 + index * 4096,
                    'md5', digest, 'sha512', string.rep(digest, 4), 'loc:main', id .. '/' .. digest)
                redis.call('ZREM', tag .. 'index:inactive', id)
            end
            return 1
            """)

    private func memory(_ catalog: Catalog) async throws -> [Figure] {
        let keys = try await catalog.redis.send("KEYS", "{\(Catalog.prefix)}:index:*").array ?? []
        var indexes = 0.0
        for key in keys.compactMap(\.string) {
            indexes += Double(try await catalog.redis.send("MEMORY", "USAGE", key, "SAMPLES", 100).int ?? 0)
        }
        let all = Double(try await catalog.info("used_memory")) ?? .nan
        let section = "Redis memory per image of a catalog of 100,000"
        return [
            Figure(section: section, name: "everything", value: all / Double(Self.count), unit: "bytes"),
            Figure(
                section: section, name: "  its entries in the indexes", value: indexes / Double(Self.count),
                unit: "bytes"),
        ]
    }
}

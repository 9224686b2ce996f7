@testable import ImageCatalog
import ImportModel
import Testing

@Suite struct ImageQueryTests {
    private let admin = Caller(project: "default", user: "u", roles: ["admin"])

    private func query(_ text: String) throws -> ImageQuery {
        try ImageQuery(try #require(PercentCoding.parameters(text)))
    }

    private let image: ImageRecord = {
        var image = ImageRecord(id: .random())
        image.name = "a,b"
        image.owner = "default"
        image.diskFormat = "raw"
        image.sizeBytes = 10
        image.tags = ["x", "y"]
        image.properties = ["os_distro": "debian"]
        image.createdAtMs = 1_767_225_600_500  // 2026-01-01T00:00:00.5Z
        image.updatedAtMs = image.createdAtMs
        return image
    }()

    @Test(arguments: [
        "", "name=a,b", "name=eq:a,b", "name=in:z,%22a,b%22", "status=queued", "status=in:active,queued", "tag=x",
        "tag=x&tag=y", "size_min=10&size_max=10", "os_distro=debian", "protected=false", "os_hidden=False",
        "created_at=gte:2026-01-01T00:00:00Z", "created_at=2026-01-01T00:00:00Z", "updated_at=lt:2026-01-01T00:00:01",
        "created_at=neq:2025-01-01", "visibility=shared", "visibility=all", "owner=default", "disk_format=raw",
        "created_at=eq:2026-01-01T01:00:00%2B01:00",
    ])
    func anImageThatFitsIsListed(_ text: String) throws {
        #expect(try query(text).matches(image, for: admin))
    }

    @Test(arguments: [
        "name=a", "name=in:a,b", "status=active", "tag=x&tag=z", "size_min=11", "size_max=9", "os_distro=x",
        "protected=true", "os_hidden=true", "created_at=gt:2026-01-01T00:00:00Z", "visibility=public",
        "container_format=bare", "nope=x",
    ])
    func anImageThatDoesNotFitIsNot(_ text: String) throws {
        #expect(try !query(text).matches(image, for: admin))
    }

    @Test(arguments: [
        "limit=-1", "limit=x", "marker=x", "sort=x", "sort=name:up", "sort=name&sort_key=name", "sort_key=nope",
        "sort_key=name&sort_dir=up", "sort_key=name&sort_key=size&sort_key=id&sort_dir=asc&sort_dir=asc",
        "visibility=x", "member_status=x", "os_hidden=x", "protected=x", "size_min=-1", "size_max=x",
        "created_at=x", "created_at=gt:x", "created_at=about:2026-01-01T00:00:00Z", "name=like:x",
        "name=in:%22a", "name=in:%22a%22b", "changes-since=2026-01-01T00:00:00Z",
    ])
    func aQueryThatMakesNoSenseIsRefused(_ text: String) {
        #expect(throws: CatalogError.self) { try query(text) }
    }

    @Test func aBrokenEscapeIsNoQuery() {
        #expect(PercentCoding.parameters("a=%") == nil)
        #expect(PercentCoding.parameters("a=%zz") == nil)
        #expect(PercentCoding.parameters("a=%ff") == nil)
        #expect(PercentCoding.decode("a+%C3%A4%2F") == "a+ä/")
        #expect(PercentCoding.decode("%ff") == nil)
    }

    @Test func linksKeepTheQuery() throws {
        let query = try query("limit=1&name=a%2Cb&marker=\(ImageID.random())")
        #expect(query.link(marker: nil) == "/v2/images?limit=1&name=a%2Cb")
        #expect(query.link(marker: image.id) == "/v2/images?limit=1&name=a%2Cb&marker=\(image.id)")
    }

    @Test func theDocumentOfAPageIsOneWithOrWithoutANextPage() throws {
        for next in [nil, "/v2/images?marker=\"x\""] {
            let document = ImageListDocument(first: "/v2/images?a=\"", next: next)
            let parts =
                document.part([], isFirst: true) + document.part([image, image], isFirst: true)
                + document.part([], isFirst: false) + document.part([image], isFirst: false)
            let json = try JSONParser.parse(document.beginning + parts + document.end)
            #expect(
                json
                    == JSON.object(
                        [
                            "first": .string("/v2/images?a=\""), "schema": .string("/v2/schemas/images"),
                            "images": .array([image, image, image].map { ImageDocument($0).json }),
                        ].merging(next.map { ["next": .string($0)] } ?? [:]) { $1 }))
            #expect(try JSONParser.parse(document.beginning + document.end).object?["images"] == .array([]))
        }
    }

    @Test func textsAreComparedByTheirBytes() throws {
        var composed = image
        (composed.name, composed.tags, composed.owner) = ("\u{e9}", ["\u{e9}"], "\u{e9}")
        composed.properties = ["p": "\u{e9}"]
        for name in ["name", "tag", "owner", "p"] {
            #expect(try query("\(name)=%C3%A9").matches(composed, for: admin))
            #expect(try !query("\(name)=e%CC%81").matches(composed, for: admin))
        }
        var decomposed = composed
        decomposed.name = "e\u{301}"
        #expect(try query("sort=name:asc").order.precedes(decomposed, composed))
        #expect(try query("sort=name:desc").order.precedes(composed, decomposed))
    }

    @Test func whatIsNotMineIsSeenOnlyAsItsVisibilityAllows() throws {
        let stranger = Caller(project: "other", user: "u", roles: ["member"])
        var image = image
        for (visibility, unasked, asked) in [
            (Visibility.public, true, true), (.community, false, true), (.private, false, false),
            (.shared, false, false),
        ] {
            image.visibility = visibility
            #expect(try query("").matches(image, for: stranger) == unasked)
            #expect(try query("visibility=\(visibility.rawValue)").matches(image, for: stranger) == asked)
        }
    }
}

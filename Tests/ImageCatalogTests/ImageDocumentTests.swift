import ImageCatalog
import ImportModel
import Testing

@Suite struct ImageDocumentTests {
    @Test func everyBaseAttributeIsThereAndNullWhereUnset() throws {
        let image = ImageRecord(id: .random())
        let members = try #require(ImageDocument(image).json.object)
        let names = [
            "id", "name", "status", "visibility", "owner", "size", "virtual_size", "checksum", "os_hash_algo",
            "os_hash_value", "os_hidden", "protected", "min_disk", "min_ram", "disk_format", "container_format", "tags",
            "created_at", "updated_at", "self", "file", "schema",
        ]
        #expect(Set(members.keys) == Set(names))
        #expect(members["size"] == .null)
        #expect(members["file"] == .string("/v2/images/\(image.id)/file"))
    }

    @Test func theListsOfAnImportStayWithNothingInThem() throws {
        var image = ImageRecord(id: .random())
        image.importingToStores = []
        image.failedStores = []
        var members = try #require(ImageDocument(image).json.object)
        #expect(members["os_glance_importing_to_stores"] == .string(""))
        #expect(members["os_glance_failed_import"] == .string(""))
        #expect(members["os_glance_import_task"] == nil)
        image.lockedBy = .random()
        members = try #require(ImageDocument(image).json.object)
        #expect(members["os_glance_import_task"] == nil)
        image.status = .importing
        members = try #require(ImageDocument(image).json.object)
        #expect(members["os_glance_import_task"] == JSON(image.lockedBy?.rawValue))
    }

    @Test func anUploadOrAStagingIsNoTaskOfAnImport() throws {
        var image = ImageRecord(id: .random())
        image.lockedBy = .random()
        for (status, isShown) in [
            (ImageStatus.saving, false), (.uploading, false), (.importing, true), (.active, true), (.deactivated, true),
        ] {
            image.status = status
            let members = try #require(ImageDocument(image).json.object)
            #expect((members["os_glance_import_task"] != nil) == isShown, "\(status)")
        }
    }

    @Test func storesAreOneString() throws {
        var image = ImageRecord(id: .random())
        for name in ["b", "a"] { image.locations[try #require(StoreID(rawValue: name))] = "k" }
        image.properties = ["os_distro": "debian", "id": "never this"]
        let members = try #require(ImageDocument(image).json.object)
        #expect(members["stores"] == .string("a,b"))
        let order = ReadingOrder(weights: [try #require(StoreID(rawValue: "b")): 1])
        #expect(try #require(ImageDocument(image, order).json.object)["stores"] == .string("b,a"))
        #expect(members["os_distro"] == .string("debian"))
        #expect(members["id"] == .string(image.id.rawValue))
    }

    @Test func timesAreWrittenAsClientsKnowThem() {
        #expect(APITime.text(1_767_225_600_999) == "2026-01-01T00:00:00Z")
        #expect(APITime.rowText(1_767_225_600_042) == "2026-01-01T00:00:00.042000")
        #expect(APITime.parse("2026-01-01T00:00:00.500000") == 1_767_225_600_500)
        #expect(APITime.parse("2026-13-01T00:00:00Z") == nil)
        #expect(APITime.text(.max).hasPrefix("9999-"))
    }

    @Test func schemasTellCommonPropertiesAndWhatIsReadOnly() throws {
        let properties = try #require(Schemas.schema("image")?.object?["properties"]?.object)
        #expect(properties["os_distro"]?.object?["is_base"] == .bool(false))
        #expect(properties["hw_disk_bus"] != nil)
        #expect(properties["checksum"]?.object?["readOnly"] == .bool(true))
        #expect(properties["name"]?.object?["readOnly"] == nil)
        for name in ["images", "task", "tasks", "member", "members"] { #expect(Schemas.schema(name) != nil) }
        #expect(Schemas.schema("nope") == nil)
    }
}

@testable import ImageCatalog
import ImportModel
import Testing

@Suite struct ImagePatchTests {
    private let admin = Caller(project: "default", user: "u", roles: ["admin"])
    private let member = Caller(project: "default", user: "u", roles: ["member"])

    private func image(_ change: (inout ImageRecord) -> Void = { _ in }) -> ImageRecord {
        var image = ImageRecord(id: .random())
        image.owner = "default"
        image.properties = ["os_distro": "debian"]
        change(&image)
        return image
    }

    private func patch(_ text: String, older: Bool = false) throws -> ImagePatch {
        let type = older ? ImagePatch.olderMediaType : ImagePatch.mediaType
        return try ImagePatch(mediaType: type, body: try JSONParser.parse(Array(text.utf8)))
    }

    private func kind(_ text: String, older: Bool = false, on image: ImageRecord? = nil) -> String? {
        do {
            _ = try patch(text, older: older).applied(to: image ?? self.image(), by: admin)
            return nil
        } catch let error as CatalogError {
            switch error {
            case .invalid: return "400"
            case .forbidden: return "403"
            case .notFound: return "404"
            case .conflict: return "409"
            case .tooMuch: return "413"
            case .unsupportedMediaType: return "415"
            }
        } catch {
            return "\(error)"
        }
    }

    @Test func propertiesAreBoundedEachAndInAll() {
        let full = image { image in
            for number in 0..<4 { image.properties["p\(number)"] = String(repeating: "x", count: 65_500) }
        }
        #expect(
            kind(#"[{"op": "add", "path": "/more", "value": "\#(String(repeating: "x", count: 2_000))"}]"#, on: full)
                == "413")
        #expect(kind(#"[{"op": "add", "path": "/few", "value": "x"}]"#, on: full) == nil)
        #expect(
            kind(#"[{"op": "add", "path": "/big", "value": "\#(String(repeating: "x", count: 65_536))"}]"#) == "400")
    }

    @Test func attributesPropertiesAndTagsAreChanged() throws {
        let changes = """
            [{"op": "replace", "path": "/name", "value": "n"}, {"op": "add", "path": "/os~1x~0y", "value": "z"},
             {"op": "remove", "path": "/os_distro"}, {"op": "replace", "path": "/tags", "value": ["b", "a", "b"]},
             {"op": "add", "path": "/min_disk", "value": 3}, {"op": "replace", "path": "/protected", "value": true}]
            """
        let changed = try patch(changes).applied(to: image(), by: admin)
        #expect(changed.name == "n")
        #expect(changed.properties == ["os/x~y": "z"])
        #expect(changed.tags == ["a", "b"])
        #expect(changed.minDisk == 3)
        #expect(changed.isProtected)
    }

    @Test func `A property is found whatever its name begins with`() throws {
        // An accent, and a colour of skin: both make one character of a slash or a tilde before them.
        for name in ["\u{301}x", "\u{1F3FB}L", "a/\u{301}", "~\u{301}", "~0"] {
            let path = name.replacingScalar("~", with: "~0").replacingScalar("/", with: "~1")
            let changed = try patch(#"[{"op": "add", "path": "/\#(path)", "value": "v"}]"#).applied(
                to: image(), by: admin)
            #expect(changed.properties[name] == "v", "\(name.unicodeScalars.map(\.value))")
        }
    }

    @Test func theOlderFormAddsOnlyWhatIsNotThere() throws {
        let changed = try patch(#"[{"replace": "/name", "value": "n"}, {"add": "/x", "value": "y"}]"#, older: true)
            .applied(to: image(), by: admin)
        #expect(changed.name == "n")
        #expect(changed.properties["x"] == "y")
        #expect(kind(#"[{"add": "/name", "value": "n"}]"#, older: true) == "409")
        #expect(kind(#"[{"add": "/os_distro", "value": "n"}]"#, older: true) == "409")
    }

    @Test(arguments: [
        (#"{}"#, "400"), (#"[1]"#, "400"), (#"[{}]"#, "400"),
        (#"[{"op": "test", "path": "/name", "value": 1}]"#, "400"),
        (#"[{"op": "move", "path": "/name", "from": "/x"}]"#, "400"), (#"[{"op": "add", "path": "/name"}]"#, "400"),
        (#"[{"op": "add", "path": "name", "value": "x"}]"#, "400"),
        (#"[{"op": "add", "path": "/", "value": "x"}]"#, "400"),
        (#"[{"op": "add", "path": "/a/b", "value": "x"}]"#, "400"),
        (#"[{"op": "add", "path": "/a~2", "value": "x"}]"#, "400"),
        (#"[{"op": "add", "path": 1, "value": "x"}]"#, "400"),
        (#"[{"op": "replace", "path": "/name", "value": 1}]"#, "400"),
        (#"[{"op": "replace", "path": "/min_ram", "value": -1}]"#, "400"),
        (#"[{"op": "replace", "path": "/min_ram", "value": 1e30}]"#, "400"),
        (#"[{"op": "replace", "path": "/disk_format", "value": "zip"}]"#, "400"),
        (#"[{"op": "replace", "path": "/tags", "value": [1]}]"#, "400"),
        (#"[{"op": "add", "path": "/x", "value": {}}]"#, "400"),
        (#"[{"op": "replace", "path": "/status", "value": "active"}]"#, "403"),
        (#"[{"op": "remove", "path": "/id"}]"#, "403"), (#"[{"op": "remove", "path": "/name"}]"#, "403"),
        (#"[{"op": "add", "path": "/os_glance_import_task", "value": "x"}]"#, "403"),
        (#"[{"op": "add", "path": "/deleted", "value": "x"}]"#, "403"),
        (#"[{"op": "add", "path": "/locations/-", "value": {}}]"#, "403"),
        (#"[{"op": "replace", "path": "/nope", "value": "x"}]"#, "409"),
        (#"[{"op": "remove", "path": "/nope"}]"#, "409"),
    ])
    func whatCannotBeDoneIsRefused(_ text: String, _ status: String) {
        #expect(kind(text) == status)
    }

    @Test func formatsChangeOnlyWhileNothingWasPublished() {
        let change = #"[{"op": "replace", "path": "/disk_format", "value": "raw"}]"#
        for status in ImageStatus.allCases {
            let mayChange = status == .queued || status == .importing
            #expect(kind(change, on: image { $0.status = status }) == (mayChange ? nil : "403"))
        }
    }

    @Test func onlyAnAdministratorMakesAnImagePublicOrGivesItAway() throws {
        for change in [
            #"[{"op": "replace", "path": "/visibility", "value": "public"}]"#,
            #"[{"op": "replace", "path": "/owner", "value": "other"}]"#,
        ] {
            let patch = try patch(change)
            #expect(throws: CatalogError.self) { try patch.applied(to: image(), by: member) }
            #expect(throws: Never.self) { try patch.applied(to: image(), by: admin) }
        }
    }

    @Test func thereIsALimitToPropertiesAndTags() {
        let image = image { image in
            for index in 0..<128 { image.properties["p\(index)"] = "" }
            image.properties["os_distro"] = nil
        }
        #expect(kind(#"[{"op": "add", "path": "/one_more", "value": "x"}]"#, on: image) == "413")
        // An import may have injected more.
        var more = image
        for index in 128..<140 { more.properties["p\(index)"] = "abc" }
        #expect(kind(#"[{"op": "replace", "path": "/p139", "value": "x"}]"#, on: more) == nil)
        #expect(kind(#"[{"op": "add", "path": "/one_more", "value": "x"}]"#, on: more) == "413")
        let tags = (0...128).map { "\"t\($0)\"" }.joined(separator: ",")
        #expect(kind(#"[{"op": "replace", "path": "/tags", "value": [\#(tags)]}]"#) == "413")
    }

    @Test func anotherMediaTypeIsRefused() {
        #expect(throws: CatalogError.self) { try ImagePatch(mediaType: "application/json", body: .array([])) }
    }
}

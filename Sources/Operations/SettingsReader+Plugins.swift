import ImportModel

/// What imports do besides moving bytes.
extension SettingsReader {
    /// Plugins in the order in which they are named.
    mutating func plugins() -> [ImportPlugin] {
        let words = ImportPlugin.allCases.map(\.rawValue)
        var plugins: [ImportPlugin] = []
        let found = find(.importPlugins)
        for item in Self.items(of: found) {
            guard let plugin = ImportPlugin(rawValue: item) else {
                complain(
                    .importPlugins, found, "names '\(item)', which is no plugin",
                    "write \(words.joined(separator: ", "))")
                continue
            }
            if plugins.contains(plugin) { complain(.importPlugins, found, "names '\(item)' twice", "name it once") }
            plugins.append(plugin)
        }
        return plugins
    }

    /// The properties that imports set, if the plugin is among `plugins`.
    mutating func injection(_ plugins: [ImportPlugin]) -> MetadataInjection {
        let found = find(.importInject)
        // As those of callers are.
        let roles = Set(Self.items(of: find(.importInjectIgnoredRoles)).map { $0.lowercased() })
        let isWanted = plugins.contains(.inject)
        guard let found, !found.text.isEmpty else {
            if isWanted {
                complain(
                    .importInject, nil, "is unset, and import.plugins names 'inject'",
                    "write the properties that images shall get, or take the plugin out")
            }
            return .none
        }
        guard isWanted else {
            complain(.importInject, found, "has no effect", "add 'inject' to import.plugins")
            return .none
        }
        guard let pairs = PropertyText.parse(found.text) else {
            complain(.importInject, found, "has a part that is no name=value", "write name=value, with commas between")
            return .none
        }
        let properties = Dictionary(pairs.map { ($0.name, $0.value) }) { first, _ in first }
        if properties.count < pairs.count {
            complain(.importInject, found, "gives a name for the second time", "give each property one value")
        }
        do throws(InvalidValue) { return try MetadataInjection(properties, ignoredRoles: roles) } catch {
            complain(.importInject, found, "cannot be set on images: \(error.message)", "mend that property")
            return .none
        }
    }

    /// Read whether the plugin is among `plugins` or not, so that a wrong value is told.
    mutating func conversion(_ plugins: [ImportPlugin]) -> Settings.Conversion? {
        let conversion = Settings.Conversion(
            format: choice(.importConvertTo), scratch: text(.importScratch) ?? "",
            maxBytes: size(.importConvertMaxBytes), maxRatio: count(.importConvertMaxRatio),
            maxMemoryBytes: size(.importConvertMaxMemory), maxProcessorTime: duration(.importConvertMaxCPU),
            timeout: duration(.importConvertTimeout))
        guard let place = plugins.firstIndex(of: .convert) else { return nil }
        if let other = plugins.firstIndex(of: .decompress), place < other {
            complain(
                .importPlugins, nil, "convert before they decompress, and compressed bytes are no image to convert",
                "write decompress before convert")
        }
        if !conversion.scratch.hasPrefix("/") {
            complain(.importScratch, nil, "is no absolute path", "write one that begins with a slash")
        }
        return conversion
    }
}

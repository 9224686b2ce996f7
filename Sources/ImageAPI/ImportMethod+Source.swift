import ImportModel

extension ImportMethod {
    /// How many bytes an import by this method will read, where that is known before.
    func sourceBytes(of image: ImageRecord) -> Int64? {
        switch self {
        case .glanceDirect: image.stage?.sizeBytes
        case .copyImage: image.sizeBytes
        case .webDownload: nil
        }
    }
}

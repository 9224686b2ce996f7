/// The key of an object: `<image>/<nonce>`.
///
/// The nonce of the attempt that opened it is in the key, so two attempts never write the same object and a loser's
/// bytes can only be garbage.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
    package let image: ImageID
    package let nonce: Nonce

    package init(image: ImageID, nonce: Nonce) {
        self.image = image
        self.nonce = nonce
    }

    /// `nil` unless `text` has the form above.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let image = ImageID(rawValue: String(parts[0])),
            let nonce = Nonce(rawValue: String(parts[1]))
        else { return nil }
        self.init(image: image, nonce: nonce)
    }

    package var description: String { "\(image)/\(nonce)" }
}

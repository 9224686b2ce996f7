/// What Longshore promises; a violation names the promise that was broken.
package enum Promise: String, Codable, CaseIterable, Sendable {
    /// Every byte of a published object is the source's, and never changes.
    case content
    /// An acknowledged import is never forgotten.
    case acknowledged
    /// An image is published once.
    case publishedOnce = "published once"
    /// Every import ends.
    case ends
    /// Clients see one order of what happened to an image.
    case linearizable
    /// What the fleet remembers (locks, queues, leases, garbage) agrees with itself at rest.
    case consistent
    /// What a dead worker ran is running again in time; judged where a run has at least 100 such losses.
    case recovery
    /// Users see an answer that fits: no error but 503, and that not for long.
    case answers
    /// The fault costs what it may cost and no more: attempts, leases of the living, requests.
    case economy
    /// The run itself could not be carried through.
    case carriedThrough = "carried through"
}

import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import Publisher
import WebSource

extension Outcome {
    /// What an error of a transfer means for its task. `nil` for a cancellation: whoever cancelled knows why.
    init?(_ error: any Error, from transfer: Transfer) {
        switch error {
        case is CancellationError: return nil
        case let lost as LostLease: self = .leaseLost(lost)
        case let error as SourceError:
            switch error {
            case .refused, .permanent: self = .rejected(reason: "\(error)")
            case .transient(_, let retryAfter): self = .retry(reason: "\(error)", after: retryAfter)
            }
        case let error as PublisherError:
            switch error {
            case .refused: self = .rejected(reason: "\(error)")
            case .passing: self = .retry(reason: "\(error)", after: nil)
            case .machine: self = .workerFault(reason: "\(error)")
            }
        case let error as ConversionError:
            switch error {
            case .refused: self = .rejected(reason: "\(error)")
            case .passing: self = .retry(reason: "\(error)", after: nil)
            case .machine: self = .workerFault(reason: "\(error)")
            }
        case let error as PipelineError:
            switch error {
            case .digestMismatch, .empty, .refusedCompression, .refusedFormat, .tooLarge, .tooLong:
                self = .rejected(reason: "\(error)")
            case .noMemory, .tooShort: self = .retry(reason: "\(error)", after: nil)
            case .storage(_, let storage): self.init(storage)
            // As with a single store: if a person has to mend them all, another worker may do better.
            case .noStoreLeft(let errors):
                let isOurs = errors.values.allSatisfy { if case .misconfigured = $0 { true } else { false } }
                self = isOurs ? .workerFault(reason: "\(error)") : .retry(reason: "\(error)", after: nil)
            }
        case let error as StorageError: self.init(error)
        case Transfer.Fault.spliced(let reason): self = .startOver(reason: reason)
        case Transfer.Fault.rejected(let reason): self = .rejected(reason: reason)
        case Transfer.Fault.worker(let reason): self = .workerFault(reason: reason)
        case Transfer.Fault.damaged(let reason): self = .retry(reason: reason, after: nil)
        default:
            // Not foreseen, so not known to be permanent: the limit of attempts bounds it.
            self = .retry(reason: "unexpected: \(error)", after: nil)
        }
    }

    private init(_ error: StorageError) {
        self =
            switch error {
            case .misconfigured: .workerFault(reason: "\(error)")
            case .overtaken: .startOver(reason: "\(error)")
            // What could make room is swept after minutes.
            case .full: .retry(reason: "\(error)", after: .seconds(600))
            case .exists, .notFound, .unavailable: .retry(reason: "\(error)", after: nil)
            }
    }
}

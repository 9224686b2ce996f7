import NIOPosix

/// Runs tasks on the threads of a pool from one suspension to the next: for loops of blocking work, which would else
/// change threads twice for every block.
final class ThreadPoolExecutor: TaskExecutor {
    private let pool: NIOThreadPool

    init(_ pool: NIOThreadPool) { self.pool = pool }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Once the pool has been stopped, too: a task that never goes on would never end.
        pool.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

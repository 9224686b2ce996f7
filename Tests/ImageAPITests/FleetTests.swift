import AsyncHTTPClient
import FilesystemStorage
import Foundation
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@Suite struct FleetTests {
    private func decode<Value: Decodable>(_ type: Value.Type, _ answer: RunningService.Answer) throws -> Value {
        try FleetJSON.decode(type, from: Data(answer.bytes))
    }

    private func startImport(_ service: RunningService) async throws -> (image: String, task: TaskID) {
        let id = try await service.newImage()
        let answer = try await service.importImage(
            id, #"{"method": {"name": "web-download", "uri": "http://example.com/x?token=secret"}}"#)
        return (id, try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:))))
    }

    private func claim(_ service: RunningService) async throws -> AttemptID {
        let nonce = Nonce.mint()
        let reply = try await service.store.claim(
            nonce: nonce, process: service.process, stores: [service.main.id, service.second.id])
        guard case .task(let claim) = reply else { throw InvalidValue("nothing to claim") }
        return AttemptID(task: claim.task.id, nonce: nonce)
    }

    @Test func whereAnImageCameFromIsShownOnceItIsKnown() async throws {
        var policy = Policy()
        try policy.set("fleet:get_provenance", to: "owner")
        try await RunningService.run(policy: policy) { service in
            let id = try await startImport(service).image
            let path = "/longshore/v1/images/\(id)/provenance"
            let verdict = "/longshore/v1/images/\(id)/verdict"
            #expect(try await service.send(.GET, path).status == 404)
            #expect(try await service.send(.GET, verdict).status == 404)
            let attempt = try await claim(service)
            let image = try #require(ImageID(rawValue: id))
            var content = ImportedContent(
                sizeBytes: 1, digests: ContentDigests(md5: "0", sha512: "0"),
                locations: [service.main.id: "\(ObjectKey(image: image, nonce: attempt.nonce))"])
            content.provenance = Provenance(
                urls: ["http://example.com/x"], address: "192.0.2.1:80", certificate: nil, etag: "\"v1\"",
                lastModified: nil, sizeBytes: 1, beganAtMs: 1, endedAtMs: 2, checksum: nil,
                checksumUrl: "http://example.com/SUMS", signers: ["0123"])
            content.inspected.verdict = RecordedVerdict(format: "qcow2", notes: ["marked dirty"], edition: 7)
            let reply = try await service.store.publish(
                attempt, content, diskFormat: "raw", containerFormat: "bare", message: "")
            #expect(reply == .published)
            #expect(
                try decode(RecordedVerdict.self, try await service.send(.GET, verdict)) == content.inspected.verdict)
            let answer = try await service.send(.GET, path)
            #expect(try decode(Provenance.self, answer) == content.provenance)
            #expect(try answer.object["checksum_url"] == .string("http://example.com/SUMS"))
            #expect(try await service.image(id)["provenance"] == nil)
            // Who may see the image may not see where it came from, and the other way round.
            let reader = try await service.send(.GET, path, as: "other")
            #expect(reader.status == 404)
            #expect(
                try await service.send(
                    .PATCH, "/v2/images/\(id)", as: "ops/admin",
                    json: #"[{"op": "replace", "path": "/visibility", "value": "public"}]"#,
                    type: "application/openstack-images-v2.1-json-patch"
                ).status == 200)
            let refused = try await service.send(.GET, path, as: "other")
            #expect(refused.status == 403 && refused.text.contains("fleet:get_provenance"), "\(refused.text)")
            #expect(try await service.send(.GET, verdict, as: "other").status == 403)
            #expect(try await service.send(.GET, path, as: "@system/admin").status == 200)
            #expect(try await service.send(.GET, path, as: "@domain/admin").status == 404)
            let other = ImageID.random()
            #expect(try await service.send(.GET, "/longshore/v1/images/\(other)/provenance").status == 404)
        }
    }

    @Test func tasksAreListedShownAndCancelled() async throws {
        try await RunningService.run { service in
            var tasks: [TaskID] = []
            for _ in 0..<3 { tasks.append(try await startImport(service).task) }
            let first = try decode(TaskPage.self, try await service.send(.GET, "/longshore/v1/tasks?limit=2"))
            #expect(first.tasks.count == 2)
            let marker = try #require(first.nextMarker)
            let rest = try decode(
                TaskPage.self, try await service.send(.GET, "/longshore/v1/tasks?limit=2&marker=\(marker)"))
            #expect(rest.nextMarker == nil)
            #expect(Set((first.tasks + rest.tasks).map(\.id)) == Set(tasks))

            let others = try await service.send(.GET, "/longshore/v1/tasks", as: "other")
            #expect(try decode(TaskPage.self, others).tasks.isEmpty)
            let locks = try await service.send(.GET, "/longshore/v1/locks")
            #expect(tasks.allSatisfy { locks.text.contains($0.rawValue) })
            let otherLocks = try await service.send(.GET, "/longshore/v1/locks", as: "other")
            #expect(otherLocks.status == 200 && !tasks.contains { otherLocks.text.contains($0.rawValue) })

            let shown = try await service.send(.GET, "/longshore/v1/tasks/\(tasks[0])")
            #expect(!shown.text.contains("secret"))
            let view = try decode(TaskView.self, shown)
            #expect(view.source == "http://example.com/x")
            #expect(view.history == [])

            let cancelled = try decode(
                TaskView.self, try await service.send(.POST, "/longshore/v1/tasks/\(tasks[0])/cancel"))
            #expect(cancelled.result == .cancelled)
            let again = try await service.send(.POST, "/longshore/v1/tasks/\(tasks[0])/cancel")
            #expect(again.status == 200)
            let failed = try decode(TaskPage.self, try await service.send(.GET, "/longshore/v1/tasks?state=failure"))
            #expect(failed.tasks.map(\.id) == [tasks[0]])
            let ofImage = try await service.send(.GET, "/longshore/v1/tasks?image=\(view.imageId)")
            #expect(try decode(TaskPage.self, ofImage).tasks.map(\.id) == [tasks[0]])
            let unknown = "image=\(view.imageId)&marker=\(TaskID.random())"
            for query in ["state=x", "image=x", "limit=0", "marker=x", "nope=1", unknown] {
                #expect(try await service.send(.GET, "/longshore/v1/tasks?\(query)").status == 400, "\(query)")
            }
            #expect(try await service.send(.POST, "/longshore/v1/tasks/\(TaskID.random())/cancel").status == 404)
        }
    }

    @Test func aFailedImportIsRetriedAndNothingElse() async throws {
        try await RunningService.run { service in
            let (image, task) = try await startImport(service)
            let path = "/longshore/v1/tasks/\(task)/retry"
            #expect(try await service.send(.POST, path).status == 409)
            let attempt = try await claim(service)
            _ = try await service.store.fail(attempt, .reject, reason: "404 from the source")
            #expect(try await service.send(.POST, path, as: "@domain/admin").status == 404)
            let answer = try await service.send(.POST, path, as: "@system/admin")
            #expect(answer.status == 202, "\(answer.text)")
            let retried = try decode(TaskView.self, answer)
            #expect(retried.id != task)
            #expect(retried.state == .pending)
            #expect(retried.stores == [service.main.id])
            #expect(try await service.send(.POST, path).status == 409)
            let shown = try decode(TaskView.self, try await service.send(.GET, "/longshore/v1/tasks/\(task)"))
            #expect(shown.history?.first?.reason == "404 from the source")
            let rows = try await service.send(.GET, "/v2/images/\(image)/tasks").object["tasks"]?.array
            #expect(rows?.count == 2)
            let listed = try await service.send(.GET, "/v2/tasks?status=failure").object
            #expect(listed["tasks"]?.array?.count == 1)
            let one = try await service.send(.GET, "/v2/tasks/\(task)").object
            #expect(one["message"] == .string("404 from the source"))
            for query in ["status=x", "sort_key=x", "sort_dir=x", "limit=-1", "marker=x", "nope=1"] {
                #expect(try await service.send(.GET, "/v2/tasks?\(query)").status == 400, "\(query)")
            }
            for query in ["sort_key=id&sort_dir=desc", "sort_key=status&sort_dir=asc", ""] {
                var seen: [JSON] = []
                var path = "/v2/tasks?limit=1&" + query
                while true {
                    let page = try await service.send(.GET, path).object
                    seen += try #require(page["tasks"]?.array).compactMap { $0.object?["id"] }
                    guard let next = page["next"]?.string else { break }
                    path = next
                }
                let ids = [task, retried.id].map { JSON.string($0.rawValue) }
                #expect(seen.count == 2)
                #expect(Set(seen) == Set(ids), "\(query)")
            }
            #expect(try await service.send(.GET, "/v2/tasks/\(TaskID.random())").status == 404)
        }
    }

    @Test func anUploadIsNoTaskOfTheImageAPIAndCannotBeRetried() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [1, 2, 3])
            #expect(try await service.send(.GET, "/v2/images/\(id)/tasks").object["tasks"] == .array([]))
            let page = try decode(TaskPage.self, try await service.send(.GET, "/longshore/v1/tasks"))
            let task = try #require(page.tasks.first)
            #expect(task.kind == .upload)
            #expect(try await service.send(.GET, "/v2/tasks/\(task.id)").status == 404)
            #expect(try await service.send(.POST, "/longshore/v1/tasks/\(task.id)/retry").status == 409)
        }
    }

    @Test func aRetriedImportGetsWhatItsAskerGets() async throws {
        let injection = try MetadataInjection(["os_distro": "debian"], ignoredRoles: ["admin"])
        try await RunningService.run(injection: injection) { service in
            for (first, second, injected) in [
                ("p/admin", "p/member", injection.properties), ("p/member", "p/admin", [:]),
            ] {
                let id = try await service.newImage(
                    #"{"owner": "p", "disk_format": "raw", "container_format": "bare"}"#)
                let started = try await service.send(
                    .POST, "/v2/images/\(id)/import", as: first,
                    json: #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#)
                let task = try #require(started.headers.first(name: "X-Longshore-Task"))
                _ = try await service.store.fail(try await claim(service), .reject, reason: "404")
                let answer = try await service.send(.POST, "/longshore/v1/tasks/\(task)/retry", as: second)
                #expect(answer.status == 202, "\(answer.text)")
                let retried = try decode(TaskView.self, answer)
                #expect(try await service.store.task(retried.id)?.request.injected == injected)
                #expect(try await service.store.cancel(retried.id, message: "") == .cancelled)
            }
        }
    }

    @Test func otherProjectsSeeNeitherTasksNorLocks() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage(
                #"{"owner": "p", "disk_format": "raw", "container_format": "bare"}"#)
            let started = try await service.send(
                .POST, "/v2/images/\(id)/import", as: "p",
                json: #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#)
            #expect(started.status == 202, "\(started.text)")
            for (caller, count) in [("p", 1), ("ops/admin", 1), ("@system/admin", 1), ("other", 0)] {
                for query in ["", "?image=\(id)"] {
                    let answer = try await service.send(.GET, "/longshore/v1/tasks\(query)", as: caller)
                    #expect(try decode(TaskPage.self, answer).tasks.count == count, "\(caller)")
                }
                let locks = try await service.send(.GET, "/longshore/v1/locks", as: caller)
                #expect(try decode([LockView].self, locks).count == count, "\(caller)")
            }
        }
    }

    @Test func locksTellWhoHoldsWhatAndWhy() async throws {
        try await RunningService.run { service in
            let (image, task) = try await startImport(service)
            var locks = try decode([LockView].self, try await service.send(.GET, "/longshore/v1/locks"))
            #expect(locks.map(\.imageId.rawValue) == [image])
            #expect(locks.first?.state == .pending)
            #expect(locks.first?.stealInMs != nil)
            _ = try await claim(service)
            locks = try decode([LockView].self, try await service.send(.GET, "/longshore/v1/locks"))
            let lock = try #require(locks.first)
            #expect(lock.taskId == task)
            #expect(lock.state == .processing)
            #expect(lock.worker == service.process.rawValue)
            #expect((lock.stealInMs ?? 0) > 1_700_000)
            #expect(lock.why.contains("beats"))
        }
    }

    @Test func theQueueIsPausedAndResumed() async throws {
        try await RunningService.run { service in
            _ = try await startImport(service)
            let paused = try decode(QueueStats.self, try await service.send(.POST, "/longshore/v1/queue/pause"))
            #expect(paused.isPaused)
            #expect(paused.pending == 1)
            await #expect(throws: InvalidValue.self) { try await claim(service) }
            let resumed = try decode(QueueStats.self, try await service.send(.POST, "/longshore/v1/queue/resume"))
            #expect(!resumed.isPaused)
            #expect(try decode(QueueStats.self, try await service.send(.GET, "/longshore/v1/queue")).pending == 1)
            let stores = try decode([StoreView].self, try await service.send(.GET, "/longshore/v1/stores"))
            #expect(stores.map(\.isDefault) == [true, false])
        }
    }

    @Test func workersTellWhatTheyRun() async throws {
        try await RunningService.run { service in
            let record = ProcessRecord(
                id: service.process, role: "worker", host: "h", hostKey: "k", pid: 1, startTicks: 1, version: "1",
                concurrency: 4, stores: [service.main.id])
            _ = try await service.store.register(record, timeToLive: .seconds(30))
            let task = try await startImport(service).task
            _ = try await claim(service)
            let workers = try decode([ProcessView].self, try await service.send(.GET, "/longshore/v1/workers"))
            #expect(workers.map(\.id) == [service.process])
            #expect(workers.first?.running == [task])
        }
    }

    @Test func eventsAreStreamedResumedAndEndWithTheService() async throws {
        try await RunningService.run { service in
            func open(_ headers: [(String, String)] = []) async throws -> HTTPClientResponse {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(service.port)/longshore/v1/events")
                request.headers.add(contentsOf: .init(headers))
                return try await service.http.execute(request, timeout: .seconds(30))
            }
            let response = try await open()
            #expect(response.headers.first(name: "Content-Type") == "text/event-stream")
            let first = try await startImport(service).task
            var text = ""
            for try await piece in response.body {
                text += String(buffer: piece)
                if text.contains(first.rawValue) { break }
            }
            #expect(text.contains("\"type\":\"created\""))
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("id: ") })

            let second = try await startImport(service).task
            let resumed = try await open([("Last-Event-ID", String(line.dropFirst(4)))])
            text = ""
            for try await piece in resumed.body {
                text += String(buffer: piece)
                if text.contains(second.rawValue) {
                    await service.group.triggerGracefulShutdown()
                }
            }
            #expect(!text.contains(first.rawValue))
            #expect(text.contains(second.rawValue))
        }
    }

    @Test func aPlaceInTheStreamThatIsNoneIsRefused() async throws {
        try await RunningService.run { service in
            for id in ["x", "1", "1-", "-1", "1-2-3", "$", "99999999999999999999999-1"] {
                let answer = try await service.send(.GET, "/longshore/v1/events", [("Last-Event-ID", id)])
                #expect(answer.status == 400, "\(id)")
            }
        }
    }

    @Test func healthAndMetricsAreTold() async throws {
        try await RunningService.run { service in
            #expect(try await service.send(.GET, "/healthz").text == "ok\n")
            let ready = try await service.send(.GET, "/readyz")
            #expect(ready.status == 200, "\(ready.text)")
            _ = try await startImport(service)
            let attempt = try await claim(service)
            _ = try await service.store.beat(
                attempt, number: 5, Beat(phase: .streaming, message: "", bytesDone: 1, bytesTotal: nil))
            _ = try await service.store.fail(attempt, .reject, reason: "no")
            let text = try await service.send(.GET, "/metrics").text
            for line in [
                "longshore_queue_pending 0", "longshore_tasks_processing 0", "longshore_queue_paused 0",
                "longshore_beat_lateness_seconds_bucket{le=\"0.1\"} 1",
                "longshore_beat_lateness_seconds_bucket{le=\"+Inf\"} 1",
                "longshore_attempts_total{outcome=\"reject\"} 1", "longshore_tasks_ended_total{result=\"rejected\"} 1",
                "longshore_recoveries_total 0", "longshore_reconciler_faults_total{invariant=\"O6\"} 0",
                "longshore_audited_total{what=\"objects\"} 0", "# of this process",
            ] {
                #expect(text.contains(line + "\n"), "\(line)")
            }
        }
    }
}

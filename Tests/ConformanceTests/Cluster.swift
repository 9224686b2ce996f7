import RedisClient
import TestSupport

/// Two nodes of a cluster, on loopback. All slots are at the first.
struct Cluster {
    struct Node {
        var client: RedisClient
        var id: String
        var port: Int
    }

    var nodes: [Node] = []

    static func with<R>(_ body: (Cluster) async throws -> R) async throws -> R {
        let servers = [try await RedisServer.startNode(), try await RedisServer.startNode()]
        defer { for server in servers { server.stop() } }
        return try await withClient(servers[0].configuration) { first in
            try await withClient(servers[1].configuration) { second in
                try await body(try await Cluster(joining: [first, second]))
            }
        }
    }

    private init(joining clients: [RedisClient]) async throws {
        for client in clients {
            let id = try await client.send("CLUSTER", "MYID").string ?? ""
            let port = try await client.send("CONFIG", "GET", "port").array?.last?.int ?? 0
            nodes.append(Node(client: client, id: id, port: Int(port)))
        }
        try await clients[0].send("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        let bus = try await clients[1].send("CONFIG", "GET", "cluster-port").array?.last?.int ?? 0
        try await clients[0].send("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, Int(bus))
        for (client, other) in [(clients[0], nodes[1].id), (clients[1], nodes[0].id)] {
            try await eventually {
                let isUp = try await client.send("CLUSTER", "INFO").string?.contains("cluster_state:ok") == true
                let known = try await client.send("CLUSTER", "NODES").string ?? ""
                return isUp && known.contains(other) && !known.contains("handshake")
            }
        }
    }
}

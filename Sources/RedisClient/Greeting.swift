/// What a new connection says first, and what may be wrong with the answers.
enum Greeting {
    struct Step: Sendable {
        enum Purpose { case logIn, selectDatabase, setName }

        let purpose: Purpose
        let command: RedisCommand
    }

    static func steps(_ configuration: RedisConfiguration) -> [Step] {
        var steps: [Step] = []
        if let password = configuration.password {
            let words = [configuration.username, password].compactMap(\.self)
            steps.append(Step(purpose: .logIn, command: RedisCommand("AUTH", arguments: words)))
        }
        if configuration.database != 0 {
            steps.append(Step(purpose: .selectDatabase, command: RedisCommand("SELECT", configuration.database)))
        }
        steps.append(Step(purpose: .setName, command: RedisCommand("CLIENT", "SETNAME", "longshore")))
        return steps
    }

    /// Why the connection cannot be used, or nil.
    static func refusal(_ steps: [Step], replies: [RedisValue]) -> String? {
        for (step, reply) in zip(steps, replies) {
            guard case .error(let error) = reply else { continue }
            switch (step.purpose, error.code) {
            case (.logIn, .wrongpass): return "it does not know this user name and password (WRONGPASS)"
            case (.logIn, .other("ERR")): return "it refused AUTH: is a password, or this user, set up there?"
            // Some messages repeat the words of the command, and so the password.
            case (.logIn, _): return "it refused AUTH (\(error.message.prefix { $0 != " " }))"
            case (.selectDatabase, _): return "it refused SELECT: \(error)"
            // The name only helps those who look at CLIENT LIST; a user may lack the right to set it.
            case (.setName, .noperm): continue
            case (.setName, _): return "\(error)"
            }
        }
        return nil
    }
}

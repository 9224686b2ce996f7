import ProtocolModel

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

do {
    let options = try Options(CommandLine.arguments.dropFirst())
    exit(Checker(options).run() ? 0 : 1)
} catch {
    print(error)
    exit(64)
}

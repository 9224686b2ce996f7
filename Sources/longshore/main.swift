import ArgumentParser
import AsyncHTTPClient
import Configuration
import Hummingbird
import NIOSSL
import ServiceLifecycle
import Yams
print("hi")

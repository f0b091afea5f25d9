// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "hearth-enclave",
    platforms: [.macOS(.v13)],
    targets: [.executableTarget(name: "hearth-enclave", path: "Sources/hearth-enclave")]
)

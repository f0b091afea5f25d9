import Foundation
import IOKit

/// The machine's posture now. What cannot be read is `null`, never a guess.
func readPosture() -> [String: Any] {
    let version = ProcessInfo.processInfo.operatingSystemVersionString
    return [
        "sip": json(readSip()),
        "secure_boot": json(readSecureBoot()),
        "filevault": json(readFileVault()),
        "hypervisor": json(readHypervisor()),
        "os_version": "macOS \(version)",
        "chip": json(sysctlText("machdep.cpu.brand_string")),
        "serial": json(readSerial()),
    ]
}

private func json(_ value: Any?) -> Any { value ?? NSNull() }

/// `csrutil status` says "System Integrity Protection status: enabled." and, for a custom configuration, "unknown".
private func readSip() -> Bool? {
    guard let text = run("/usr/bin/csrutil", ["status"]) else { return nil }
    if text.contains("status: enabled.") { return true }
    if text.contains("status: disabled.") || text.contains("Custom Configuration") { return false }
    return nil
}

/// On Apple silicon the policy of the startup volume, as `system_profiler` gives it: only Full Security counts.
private func readSecureBoot() -> Bool? {
    guard let text = run("/usr/sbin/system_profiler", ["SPiBridgeDataType", "-detailLevel", "full"]) else { return nil }
    for line in text.split(separator: "\n") where line.contains("Secure Boot:") {
        return line.contains("Full Security")
    }
    return nil
}

/// "FileVault is On." or "FileVault is Off."; needs no privileges.
private func readFileVault() -> Bool? {
    guard let text = run("/usr/bin/fdesetup", ["status"]) else { return nil }
    if text.contains("FileVault is On.") { return true }
    return text.contains("FileVault is Off.") ? false : nil
}

/// Whether macOS itself runs inside a virtual machine.
private func readHypervisor() -> Bool? {
    var value: Int32 = 0
    var size = MemoryLayout<Int32>.size
    guard sysctlbyname("kern.hv_vmm_present", &value, &size, nil, 0) == 0 else { return nil }
    return value != 0
}

private func sysctlText(_ name: String) -> String? {
    var size = 0
    guard sysctlbyname(name, nil, &size, nil, 0) == 0, (2...256).contains(size) else { return nil }
    var buffer = [CChar](repeating: 0, count: size + 1)
    guard sysctlbyname(name, &buffer, &size, nil, 0) == 0 else { return nil }
    return String(cString: buffer)
}

private func readSerial() -> String? {
    let device = IOServiceGetMatchingService(kIOMainPortDefault, IOServiceMatching("IOPlatformExpertDevice"))
    guard device != 0 else { return nil }
    defer { IOObjectRelease(device) }
    let property = IORegistryEntryCreateCFProperty(
        device, kIOPlatformSerialNumberKey as CFString, kCFAllocatorDefault, 0)
    return property?.takeRetainedValue() as? String
}

/// What a program of the system prints, `nil` unless it ends well within ten seconds.
private func run(_ path: String, _ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    // The texts above are the English ones.
    process.environment = ["LC_ALL": "C", "LANG": "C"]
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let limit = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 10, execute: limit)
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    limit.cancel()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else { return nil }
    return String(data: data, encoding: .utf8)
}

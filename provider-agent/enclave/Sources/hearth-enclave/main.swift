// Answers one JSON question a line on stdin with one JSON line on stdout: see PROTOCOL.md.
// Keeps nothing between two questions, writes nothing else, and ends with its stdin.

import Foundation

let protocolVersion = 1
let maxLineBytes = 64 * 1024
let maxMessageBytes = 16 * 1024

/// Why a question is not answered: the closed list of PROTOCOL.md.
enum Refusal: String, Error {
    case badRequest = "bad_request"
    case noEnclave = "no_enclave"
    case keyUnavailable = "key_unavailable"
    case tooLarge = "too_large"
    case failed = "internal"
}

func answer(_ question: [String: Any], keys: KeyStore, certificates: CertificateStore) throws -> [String: Any] {
    guard let op = question["op"] as? String else { throw Refusal.badRequest }
    switch op {
    case "hello":
        return ["version": protocolVersion]
    case "key":
        return ["public_key": try keys.publicKey(name: try nameOf(question)).base64EncodedString()]
    case "sign":
        guard let text = question["message"] as? String, let message = Data(base64Encoded: text) else {
            throw Refusal.badRequest
        }
        guard message.count <= maxMessageBytes else { throw Refusal.tooLarge }
        return ["signature": try keys.sign(message, name: try nameOf(question)).base64EncodedString()]
    case "posture":
        return readPosture()
    case "attestation":
        return ["certificates": try certificates.read().map { $0.base64EncodedString() }]
    default:
        throw Refusal.badRequest
    }
}

/// The key store makes a file name of it.
func nameOf(_ question: [String: Any]) throws -> String {
    guard let name = question["name"] as? String, (1...128).contains(name.utf8.count) else { throw Refusal.badRequest }
    return name
}

func reply(_ object: [String: Any]) {
    guard var line = try? JSONSerialization.data(withJSONObject: object) else { exit(1) }
    line.append(0x0a)
    FileHandle.standardOutput.write(line)
}

func handle(_ line: Data, keys: KeyStore, certificates: CertificateStore) {
    guard let question = (try? JSONSerialization.jsonObject(with: line)) as? [String: Any],
        let id = question["id"] as? Int
    else {
        // Without an id nothing can be answered: whoever asks speaks another protocol.
        exit(2)
    }
    do {
        var object = try answer(question, keys: keys, certificates: certificates)
        object["id"] = id
        object["ok"] = true
        reply(object)
    } catch {
        let refusal = (error as? Refusal) ?? .failed
        reply(["id": id, "ok": false, "error": refusal.rawValue])
    }
}

guard CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--data-dir" else {
    FileHandle.standardError.write(Data("usage: hearth-enclave --data-dir DIR\n".utf8))
    exit(64)
}
// A reader that has gone is an end like any other.
signal(SIGPIPE, SIG_DFL)

let folder = URL(fileURLWithPath: CommandLine.arguments[2], isDirectory: true)
let keyStore = KeyStore(folder: folder)
let certificateStore = CertificateStore(folder: folder)
var unread = Data()

while true {
    let data = FileHandle.standardInput.availableData
    if data.isEmpty { exit(0) }
    unread.append(data)
    while let end = unread.firstIndex(of: 0x0a) {
        let line = Data(unread[unread.startIndex..<end])
        unread = Data(unread[unread.index(after: end)...])
        if line.count > maxLineBytes { exit(2) }
        handle(line, keys: keyStore, certificates: certificateStore)
    }
    if unread.count > maxLineBytes { exit(2) }
}

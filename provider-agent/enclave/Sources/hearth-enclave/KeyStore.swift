import CryptoKit
import Foundation
import Security

/// Keys of this machine's Secure Enclave. What lies in the file is the key wrapped by the enclave: useless on any other
/// machine, and useless without the enclave on this one.
struct KeyStore {
    let folder: URL

    /// The uncompressed point (65 bytes) of the key of this name; the key is made the first time.
    func publicKey(name: String) throws -> Data {
        try load(name: name).publicKey.x963Representation
    }

    /// ECDSA over SHA-256 of the message, in DER.
    func sign(_ message: Data, name: String) throws -> Data {
        let key = try load(name: name)
        do {
            return try key.signature(for: message).derRepresentation
        } catch {
            throw Refusal.keyUnavailable
        }
    }

    private func load(name: String) throws -> SecureEnclave.P256.Signing.PrivateKey {
        guard SecureEnclave.isAvailable else { throw Refusal.noEnclave }
        let file = fileOf(name)
        if !FileManager.default.fileExists(atPath: file.path) { try make(file) }
        guard let blob = try? Data(contentsOf: file), blob.count <= 4096,
            let key = try? SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: blob)
        else { throw Refusal.keyUnavailable }
        return key
    }

    /// The hash of the name: no name leads out of the folder, and none meets another on a volume that ignores case.
    private func fileOf(_ name: String) -> URL {
        let digest = SHA256.hash(data: Data(name.utf8)).map { String(format: "%02x", $0) }.joined()
        return folder.appendingPathComponent("enclave-key-\(digest).blob")
    }

    /// Written whole beside its place and linked into it: of two helpers that start at once, the first one's key stays.
    private func make(_ file: URL) throws {
        let blob: Data
        do {
            var problem: Unmanaged<CFError>?
            // Usable while nobody is logged in at the screen, after the first unlock; never on another machine.
            guard
                let access = SecAccessControlCreateWithFlags(
                    nil, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, .privateKeyUsage, &problem)
            else { throw Refusal.keyUnavailable }
            blob = try SecureEnclave.P256.Signing.PrivateKey(accessControl: access).dataRepresentation
        } catch {
            throw Refusal.keyUnavailable
        }
        let draft = folder.appendingPathComponent(".enclave-key-\(UUID().uuidString)")
        defer { unlink(draft.path) }
        let descriptor = open(draft.path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw Refusal.keyUnavailable }
        let written = blob.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        let synced = fsync(descriptor) == 0
        close(descriptor)
        guard written == blob.count, synced else { throw Refusal.keyUnavailable }
        guard link(draft.path, file.path) == 0 || errno == EEXIST else { throw Refusal.keyUnavailable }
    }
}

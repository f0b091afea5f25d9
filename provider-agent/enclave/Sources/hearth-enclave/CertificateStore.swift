import Foundation

/// The Managed Device Attestation that the owner has put beside the key: `device-attestation.pem`, the device's own
/// certificate first. The helper cannot ask Apple for one; only the device's management server can.
struct CertificateStore {
    let folder: URL
    private static let maxFileBytes = 64 * 1024
    private static let maxCertificates = 5
    private static let maxCertificateBytes = 4096

    init(folder: URL) { self.folder = folder }

    /// DER; empty when no file is there.
    func read() throws -> [Data] {
        let file = folder.appendingPathComponent("device-attestation.pem")
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        guard let handle = try? FileHandle(forReadingFrom: file) else { throw Refusal.failed }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: Self.maxFileBytes + 1) else { throw Refusal.failed }
        guard data.count <= Self.maxFileBytes, let text = String(data: data, encoding: .utf8) else {
            throw Refusal.tooLarge
        }
        let certificates = try text.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().map { part -> Data in
            let body = part.components(separatedBy: "-----END CERTIFICATE-----")[0]
            guard let der = Data(base64Encoded: body, options: .ignoreUnknownCharacters) else { throw Refusal.failed }
            guard der.count <= Self.maxCertificateBytes else { throw Refusal.tooLarge }
            return der
        }
        guard certificates.count <= Self.maxCertificates else { throw Refusal.tooLarge }
        return certificates
    }
}

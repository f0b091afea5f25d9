import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postureSchema, verifySignature } from "@hearth/attestation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashProgram, loadSoftwareIdentity, readPlatformPosture } from "./software-identity.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-identity-key-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keyFile = (): string => join(folder, "identity-key-a.pem");
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("the software identity key", () => {
  it("is made once, for its owner only, and signs", async () => {
    const dataDir = join(folder, "data");
    const signer = loadSoftwareIdentity(dataDir, "a");
    expect(signer.kind).toBe("software");
    expect(loadSoftwareIdentity(dataDir, "a").publicKey).toEqual(signer.publicKey);
    expect(readdirSync(dataDir)).toEqual(["identity-key-a.pem"]);
    expect(modeOf(join(dataDir, "identity-key-a.pem"))).toBe(0o600);
    expect(modeOf(dataDir)).toBe(0o700);
    const message = Buffer.from("message");
    expect(verifySignature(signer.publicKey, message, await signer.sign(message))).toBe(true);
  });

  it("differs by name, whatever characters that has", () => {
    const keys = ["a", "b", "../a", "ä/ö"].map((name) => loadSoftwareIdentity(folder, name).publicKey);
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(4);
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it("that others may read is made private again", () => {
    const { publicKey } = loadSoftwareIdentity(folder, "a");
    chmodSync(keyFile(), 0o644);
    expect(loadSoftwareIdentity(folder, "a").publicKey).toEqual(publicKey);
    expect(modeOf(keyFile())).toBe(0o600);
  });

  it("that is a link, a folder, too large, spoilt or of another curve is a clear error", () => {
    const target = join(folder, "elsewhere.pem");
    writeFileSync(target, "x");
    symlinkSync(target, keyFile());
    expect(() => loadSoftwareIdentity(folder, "a")).toThrow("identity-key-a.pem is no plain file");
    rmSync(keyFile());
    mkdirSync(keyFile());
    expect(() => loadSoftwareIdentity(folder, "a")).toThrow("is no plain file");
    rmSync(keyFile(), { recursive: true });
    writeFileSync(keyFile(), "x".repeat(5000));
    expect(() => loadSoftwareIdentity(folder, "a")).toThrow("is too large");
    const { privateKey: p384 } = generateKeyPairSync("ec", {
      namedCurve: "P-384",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    for (const content of ["", "oops", p384]) {
      writeFileSync(keyFile(), content);
      expect(() => loadSoftwareIdentity(folder, "a")).toThrow(
        expect.objectContaining({ code: "config_invalid", message: expect.stringContaining("holds no identity key") }),
      );
    }
    expect(() => loadSoftwareIdentity(join(target, "below"), "a")).toThrow("(ENOTDIR)");
  });
});

describe("the posture of a machine without an enclave", () => {
  it("claims nothing that is not known", async () => {
    const posture = await readPlatformPosture();
    expect(postureSchema.parse(posture)).toMatchObject({
      sip: null,
      secure_boot: null,
      filevault: null,
      hypervisor: null,
    });
    expect(posture.os_version).not.toBe("");
  });
});

describe("the hash of the program", () => {
  it("is what the documented command gives", async () => {
    mkdirSync(join(folder, "dist/Beta"), { recursive: true });
    for (const [path, text] of [
      ["a.js", "1"],
      ["Beta/z.js", "2"],
      ["a-b.js", "3"],
      ["a.js.map", "4"],
      ["c.d.ts", "5"],
    ] as const) {
      writeFileSync(join(folder, "dist", path), text);
    }
    const command = "find * -type f -name '*.js' | LC_ALL=C sort | xargs sha256sum | sha256sum";
    const said = execFileSync("sh", ["-c", command], { cwd: join(folder, "dist"), encoding: "utf8" });
    const hash = await hashProgram(join(folder, "dist"));
    expect(`${hash}  -\n`).toBe(said);
    writeFileSync(join(folder, "dist/a.js.map"), "other");
    expect(await hashProgram(join(folder, "dist"))).toBe(hash);
    writeFileSync(join(folder, "dist/Beta/z.js"), "other");
    expect(await hashProgram(join(folder, "dist"))).not.toBe(hash);
  });

  it("is not known where nothing was built", async () => {
    expect(await hashProgram(folder)).toBeNull();
  });
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newSoftwareKey, softwareSigner, verifySignature } from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.js";
import { eventually } from "../../testing/eventually.js";
import { type EnclaveHelper, openEnclaveHelper } from "./enclave-helper.js";

const SCRIPT = fileURLToPath(new URL("testing/scripted-helper.mjs", import.meta.url));
const message = Buffer.from('{"type":"hearth.posture.v1"}');

let folder = "";
let open: EnclaveHelper[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-enclave-"));
  writeFileSync(join(folder, "key.pem"), newSoftwareKey(), { mode: 0o600 });
});
afterEach(() => {
  for (const helper of open) helper[Symbol.dispose]();
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

const markFile = (): string => join(folder, "starts");
const starts = (): number => (existsSync(markFile()) ? readFileSync(markFile(), "utf8").length / "started".length : 0);

/** @param fault what the helper does wrong; `once` = only the first process */
async function helperWith(fault: string, options: { once?: boolean; clock?: FakeClock } = {}): Promise<EnclaveHelper> {
  const args = [SCRIPT, join(folder, "key.pem"), fault, ...(options.once === true ? [markFile()] : [])];
  const helper = await openEnclaveHelper({ path: process.execPath, args }, options.clock ?? systemClock);
  open.push(helper);
  return helper;
}

describe("the Secure Enclave helper", () => {
  it("signs with the key that it names, with the lower s every time", async () => {
    const signer = await (await helperWith("none")).openSigner("default");
    expect(signer.kind).toBe("secure_enclave");
    expect(signer.publicKey).toEqual(softwareSigner(readFileSync(join(folder, "key.pem"), "utf8")).publicKey);
    // Of 24 signatures, about 12 come with the higher s.
    const messages = Array.from({ length: 24 }, (_, index) => Buffer.from(`message ${index}`));
    const signatures = await Promise.all(messages.map((each) => signer.sign(each)));
    for (const [index, signature] of signatures.entries()) {
      expect(verifySignature(signer.publicKey, messages[index]!, signature)).toBe(true);
    }
    expect(verifySignature(signer.publicKey, messages[0]!, signatures[1]!)).toBe(false);
    await expect(signer.sign(new Uint8Array(16_385))).rejects.toThrow(RangeError);
  });

  it("tells the machine's posture and the stored certificates", async () => {
    const helper = await helperWith("none");
    expect(await helper.readPosture()).toEqual({
      sip: true,
      secure_boot: true,
      filevault: false,
      hypervisor: null,
      os_version: "macOS 15.5 (24F74)",
      chip: "Apple M4",
      serial: "C02TEST1234",
    });
    expect((await helper.readCertificates()).map((der) => Buffer.from(der).toString())).toEqual(["leaf", "ca"]);
  });

  it("may answer in pieces", async () => {
    const signer = await (await helperWith("split")).openSigner("default");
    expect(await signer.sign(message)).toHaveLength(64);
  });

  it.each(["crash", "garbage", "oversize", "wrong-id", "unknown-refusal"])(
    "that does %s once is started again, and the question with it",
    async (fault) => {
      const helper = await helperWith(fault, { once: true });
      const signer = await helper.openSigner("default");
      expect(verifySignature(signer.publicKey, message, await signer.sign(message))).toBe(true);
      expect(starts()).toBe(2);
    },
  );

  it.each([
    ["crash", "enclave_gone"],
    ["garbage", "enclave_bad_answer"],
    ["oversize", "enclave_bad_answer"],
    ["wrong-id", "enclave_bad_answer"],
    ["unknown-refusal", "enclave_bad_answer"],
    ["malformed", "enclave_bad_answer"],
  ])("that does %s every time is an error of its own", async (fault, code) => {
    const helper = await helperWith(fault);
    await expect(helper.readPosture()).rejects.toMatchObject({ name: "AgentError", code });
    await expect(helper.openSigner("default")).rejects.toMatchObject({ code });
  });

  it("that refuses says why, and is not started again for it", async () => {
    const helper = await helperWith("refuse");
    await expect(helper.openSigner("default")).rejects.toMatchObject({
      code: "enclave_refused",
      message: expect.stringContaining("key_unavailable"),
    });
  });

  it("cannot pass off a signature over something else", async () => {
    const signer = await (await helperWith("wrong-signature")).openSigner("default");
    await expect(signer.sign(message)).rejects.toMatchObject({ code: "enclave_bad_signature" });
  });

  it("that hangs is ended in time, and asked once more", async () => {
    const clock = new FakeClock();
    const helper = await helperWith("hang", { clock });
    const outcome = helper.readPosture().catch((error: unknown) => error);
    let settled = false;
    void outcome.then(() => {
      settled = true;
    });
    expect(clock.pending).toBe(1);
    clock.advance(19_999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    await eventually(() => clock.pending === 1);
    expect(settled).toBe(false);
    clock.advance(20_000);
    expect(await outcome).toMatchObject({ code: "enclave_timeout" });
    expect(clock.pending).toBe(0);
  });

  it("of another version, or that is not there, is a clear error", async () => {
    await expect(helperWith("version")).rejects.toMatchObject({ code: "enclave_version_unsupported" });
    const missing = openEnclaveHelper({ path: join(folder, "none"), args: [] }, systemClock);
    await expect(missing).rejects.toMatchObject({ code: "enclave_not_started" });
  });

  it("that was stopped fails what was asked, and what is asked after", async () => {
    const helper = await helperWith("hang");
    const asked = helper.readPosture();
    helper[Symbol.dispose]();
    await expect(asked).rejects.toMatchObject({ code: "enclave_gone" });
    await expect(helper.readPosture()).rejects.toMatchObject({ code: "enclave_gone" });
  });
});

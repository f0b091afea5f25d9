import { createHash } from "node:crypto";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  entryText,
  identityOf,
  issueAttestation,
  issueReceipt,
  issueReceiptBatch,
  newSoftwareKey,
  receiptEntry,
  softwareSigner,
} from "@hearth/attestation";
import { describe, expect, it } from "vitest";
import { textOf } from "../../attest/prover.js";
import { CliHome } from "../../testing/cli-home.js";

const HELPER = fileURLToPath(new URL("../../attest/enclave/testing/scripted-helper.mjs", import.meta.url));

describe("hearth-agent attest", () => {
  it("shows what this machine proves, by a key that stays", async () => {
    await using home = new CliHome();
    const first = (await home.json(["attest", "show"])) as Readonly<Record<string, unknown>>;
    const second = (await home.json(["attest", "show"])) as Readonly<Record<string, unknown>>;
    expect(first).toMatchObject({
      identity: expect.stringMatching(/^[\w-]{43}$/),
      key_storage: "software",
      attestation: { blob: expect.any(String), signature: expect.stringMatching(/^[\w-]{86}$/) },
    });
    expect(second["identity"]).toBe(first["identity"]);
    for (const file of readdirSync(home.dataDir)) {
      expect(statSync(join(home.dataDir, file)).mode & 0o777).toBe(0o600);
    }
  });

  it("says of a file that can be no proof why", async () => {
    await using home = new CliHome();
    const said = async (path: string) => (await home.run(["attest", "verify", path])).stderr;
    expect(await said(home.path)).toBe(`${home.path} cannot be read: it is a directory (EISDIR).\n`);
    expect(await said("/nowhere")).toBe("/nowhere cannot be read: it is not there (ENOENT).\n");
    if (process.platform !== "win32") expect(await said("/dev/zero")).toBe("/dev/zero is too large to be a proof.\n");
  });

  it("verifies what a coordinator gives out, and says which claim does not hold", async () => {
    await using home = new CliHome();
    const { identity, attestation } = (await home.json(["attest", "show"])) as {
      readonly identity: string;
      readonly attestation: { readonly blob: string };
    };
    const entry = {
      object: "provider.attestation",
      provider_id: "somebody-else",
      trust_level: "self_attested",
      agent_version: "0",
      encryption_key: { key_id: "k", public_key: "p" },
      attestation,
      challenge: null,
    };
    expect(identity).not.toBe(entry.provider_id);
    const { code, stdout } = await home.run(["attest", "verify", "-"], {}, JSON.stringify(entry));
    expect(code).toBe(9);
    expect(stdout).toContain("✓ the attestation is signed by the identity key and names it");
    expect(stdout).toContain("✗ the provider's id is that of the key");
    const empty = await home.run(["attest", "verify", "-"], {}, '{"object":"list","data":[]}');
    expect(empty).toMatchObject({ code: 0, stdout: "It lists nobody.\n" });
  });

  it("verifies a receipt of either format, and none that was changed", async () => {
    await using home = new CliHome();
    const signer = softwareSigner(newSoftwareKey());
    const attested = await issueAttestation(signer, {
      encryptionKey: { keyId: "k", publicKey: new Uint8Array(32) },
      agentVersion: "1.0.0",
      serialHash: null,
      posture: {
        ...{ sip: null, secure_boot: null, filevault: null, hypervisor: null },
        ...{ binary_hash: null, os_version: "", chip: null },
      },
      nonce: new Uint8Array(16),
      nowMs: 0,
    });
    const hash = "a".repeat(64);
    const facts = {
      ...{ request_id: "req_1", attempt_id: "att_1", model: "m", weights_hash: null },
      ...{ request_hash: hash, response_hash: hash, last_seq: 0, issued_at_ms: 0 },
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    const identity = identityOf(signer.publicKey);
    const document = (receipt: object) => ({
      object: "receipt",
      request_id: "req_1",
      provider_id: `prv_${createHash("sha256").update(identity).digest("base64url").slice(0, 16)}`,
      receipt,
      attestation: { ...textOf(attested), identity_key: Buffer.from(signer.publicKey).toString("base64url") },
    });
    const verified = async (receipt: object): Promise<number | null> =>
      (await home.run(["attest", "verify", "-"], {}, JSON.stringify(document(receipt)))).code;
    const entries = [1, 2, 3].map((n) => receiptEntry(facts, new Uint8Array(16).fill(n)));
    const [one, two] = (await issueReceiptBatch(signer, entries, 0)).map(entryText);
    expect(await verified(textOf(await issueReceipt(signer, facts)))).toBe(0);
    expect(await verified(one ?? {})).toBe(0);
    expect(await verified({ ...one, batch: two?.batch })).toBe(9);
    expect(await verified({ ...one, blob: two?.blob })).toBe(9);
  });

  it.each([
    ["{", "is no JSON"],
    ['{"object":"what"}', "neither a receipt nor an attestation"],
  ])("refuses %s", async (text, words) => {
    await using home = new CliHome();
    const file = join(home.path, "proof.json");
    writeFileSync(file, text);
    expect(await home.run(["attest", "verify", file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words),
    });
    expect(await home.run(["attest", "verify", `${file}.not`])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("ENOENT"),
    });
  });

  it.skipIf(process.platform === "win32")("signs by the helper that the configuration names", async () => {
    await using home = new CliHome();
    const helper = join(home.path, "helper");
    writeFileSync(join(home.path, "key.pem"), newSoftwareKey(), { mode: 0o600 });
    const write = (fault: string): void => {
      const words = [process.execPath, HELPER, join(home.path, "key.pem"), fault].map((word) => `'${word}'`).join(" ");
      writeFileSync(helper, `#!/bin/sh\nexec ${words}\n`, { mode: 0o700 });
    };
    home.config = '[attestation]\nenclave_helper = "~/helper"\n';
    write("none");
    expect(await home.json(["attest", "show"])).toMatchObject({ key_storage: "secure_enclave" });
    const { checks } = (await home.json(["doctor"])) as {
      readonly checks: readonly { readonly id: string; readonly detail: string }[];
    };
    expect(checks.find(({ id }) => id === "attestation")?.detail).toBe(`signs, in the Secure Enclave, by ${helper}`);
    write("wrong-signature");
    const { code, stderr } = await home.run(["attest", "show", "--json"]);
    expect(code).toBe(9);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "check_failed",
        exit_code: 9,
        message: expect.stringMatching(/^The Secure Enclave helper cannot be used: /),
      },
    });
  });

  it("says what is wrong with a key file that was spoilt", async () => {
    await using home = new CliHome();
    await home.run(["attest", "show"]);
    const [file = ""] = readdirSync(home.dataDir).filter((name) => name.startsWith("identity-key"));
    writeFileSync(join(home.dataDir, file), "oops");
    chmodSync(join(home.dataDir, file), 0o600);
    expect((await home.run(["attest", "show"])).code).toBe(2);
    const report = (await home.json(["doctor"])) as {
      readonly checks: readonly { readonly id: string; readonly status: string }[];
    };
    expect(report.checks.find(({ id }) => id === "attestation")?.status).toBe("fail");
  });
});

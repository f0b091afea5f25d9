import {
  type EntryText,
  entryOf,
  serialHash,
  UnknownDocumentError,
  type Verifier,
  verifierOf,
  verifyDocument,
  verifyReceipt,
} from "@hearth/attestation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttestingMachine, GOOD_POSTURE } from "../scripted/attesting-machine.js";
import { ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;

beforeEach(async () => {
  // Whatever else this machine does, the end of a stream waits for what is signed.
  hearth = await startTestCoordinator({ config: { receiptWaitMs: 5_000 } });
});
afterEach(() => hearth.stop());

const ask = { model: "m", messages: [{ role: "user", content: "Hi" }] };

describe("a machine that attests", () => {
  it("is let in when it has answered a challenge, and its answers say how far it is trusted", async () => {
    const machine = new AttestingMachine();
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine });
    expect(provider.received.map(({ type }) => type).slice(0, 2)).toEqual(["challenge", "registered"]);
    const response = await hearth.chat(ask);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-provider-trust-level")).toBe("self_attested");
    expect(response.headers.get("x-provider-attested")).toBe("true");
  });

  it("goes on serving under a new key", async () => {
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    const before = provider.key.keyId;
    await hearth.chat(ask);
    await provider.rotateKey();
    // Frames keep their order: the heartbeat is seen after the key.
    const registry = hearth.coordinator.registry;
    await expect.poll(() => registry.link(provider.id as never)?.encryptionKey.keyId).toBe(provider.key.keyId);
    expect((await hearth.chat(ask)).status).toBe(200);
    const contexts = provider.received.filter(({ type }) => type === "sealing_context");
    expect(contexts).toMatchObject([
      { key_id: before },
      { key_id: provider.key.keyId, replaces: provider.streams[0]?.frame.context_id },
    ]);
    expect(contexts).toMatchObject(provider.streams.map(({ frame }) => ({ context_id: frame.context_id })));
  });
});

describe("a receipt", () => {
  it("ends a stream as a comment, and can be had afterwards with what vouches for its key", async () => {
    const machine = new AttestingMachine();
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine });
    const response = await hearth.chat({ ...ask, stream: true });
    const id = response.headers.get("x-receipt-id");
    const text = await response.text();
    const comment = /: hearth-receipt (\{.*\})\n\n$/.exec(text)?.[1];
    expect(comment).toBeDefined();
    const kept = (await (await hearth.get(`/v1/receipts/${id}`)).json()) as KeptReceipt;
    expect(JSON.parse(comment as string)).toEqual({ blob: kept.receipt.blob, batch: kept.receipt.batch });
    expect(kept.provider_id).toBe(provider.id);
    const verifier = verifierOf(bytes(kept.attestation.identity_key)) as Verifier;
    const verdict = verifyReceipt(entryOf(kept.receipt), verifier);
    expect(verdict).toMatchObject({ type: "ok", value: { request_id: id, model: "m" } });
    const attestation = { blob: bytes(kept.attestation.blob), signature: bytes(kept.attestation.signature) };
    expect(verifier.verify(attestation.blob, attestation.signature)).toBe(true);
  });

  it("that is false ends the connection as untrusted, and is not passed on with the answer that is out", async () => {
    const provider = await hearth.provider(
      (stream) => {
        stream.role();
        stream.content("Hello");
        stream.finish();
        stream.raw("data: [DONE]\n\n", true);
        return stream.certify(undefined, { model: "another" });
      },
      { machine: new AttestingMachine() },
    );
    const response = await hearth.chat({ ...ask, stream: true });
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
    expect((await provider.closed).reason).toBe("untrusted");
    const kept = await hearth.get(`/v1/receipts/${response.headers.get("x-receipt-id")}`);
    expect([kept.status, await codeOf(kept)]).toEqual([404, "not_found"]);
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="receipt",outcome="mismatch"} 1');
  });
});

interface KeptReceipt {
  readonly provider_id: string;
  readonly receipt: EntryText;
  readonly attestation: { readonly blob: string; readonly signature: string; readonly identity_key: string };
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "base64url");

describe("the public list of attestations", () => {
  interface Listed {
    object: "list";
    data: Record<string, unknown>[];
  }
  const list = async (): Promise<Listed> =>
    (await fetch(`${hearth.url}/v1/providers/attestation`)).json() as Promise<Listed>;

  it("is verified by anybody, without a key, also after a machine has changed its encryption key", async () => {
    const provider = await hearth.provider(() => {}, { machine: new AttestingMachine() });
    await provider.rotateKey();
    const { registry } = hearth.coordinator;
    await expect.poll(() => registry.link(provider.id as never)?.encryptionKey.keyId).toBe(provider.key.keyId);
    const [finding] = verifyDocument(await list());
    expect(finding).toMatchObject({ subject: "provider", id: provider.id, valid: true });
    expect(finding?.posture?.posture.sip).toBe(true);
  });

  it("does not verify when any of its proofs was changed, or is another machine's", async () => {
    await hearth.provider(() => {}, { machine: new AttestingMachine() });
    await hearth.provider(() => {}, { machine: new AttestingMachine() });
    const [one, two] = (await list()).data as [Record<string, unknown>, Record<string, unknown>];
    for (const member of ["provider_id", "encryption_key", "attestation", "challenge"]) {
      expect(verifyDocument({ ...one, [member]: two[member] })[0]?.valid, member).toBe(false);
    }
    expect(verifyDocument({ ...one, attestation: null })[0]?.valid).toBe(false);
    expect(() => verifyDocument({ object: "other" })).toThrow(UnknownDocumentError);
  });

  it("holds no serial", async () => {
    const machine = new AttestingMachine();
    const salt = Buffer.alloc(16, 5);
    const provider = await ScriptedProvider.connectOnly({
      url: `${hearth.url.replace("http", "ws")}/ws/provider`,
      token: PROVIDER_TOKEN,
      script: () => {},
      machine,
    });
    const frame = await provider.attestedFrame();
    const proof = await machine.attest(provider.key, { serialHash: serialHash("SERIAL-CANARY", salt) });
    const serial = { value: "SERIAL-CANARY", salt: salt.toString("base64url") };
    provider.send({ ...frame, attestation: { ...proof, serial } });
    await expect.poll(() => provider.id).not.toBe("");
    const text = JSON.stringify(await list());
    expect(text).toContain(serialHash("SERIAL-CANARY", salt));
    expect(text + Buffer.from(proof.blob, "base64url").toString("utf8")).not.toContain("SERIAL-CANARY");
  });
});

describe("a receipt's document", () => {
  it("verifies, and does not when anything in it was changed", async () => {
    await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    const documents = [];
    for (let at = 0; at < 2; at++) {
      const response = await hearth.chat(ask);
      await response.text();
      documents.push(await hearth.receipt(response));
    }
    const [one, two] = documents as [Record<string, unknown>, Record<string, unknown>];
    expect(verifyDocument(one)[0]).toMatchObject({ valid: true, receipt: { model: "m" } });
    expect(verifyDocument({ ...one, receipt: two["receipt"] })[0]?.valid).toBe(false);
    expect(verifyDocument({ ...one, provider_id: "prv_0000000000000000" })[0]?.valid).toBe(false);
  });

  it("is for the account that asked, and for nobody else", async () => {
    expect((await hearth.get("/v1/receipts/req_unknown")).status).toBe(404);
    expect((await hearth.get("/v1/receipts/req_unknown", "not-a-key")).status).toBe(401);
  });
});

describe("X-Hearth-Min-Trust", () => {
  const withTrust = (level: string) => hearth.chat(ask, { headers: { "X-Hearth-Min-Trust": level } });

  it("restricts a request to machines that have proved as much, and fails at once when there is none", async () => {
    const unproved = await hearth.provider((stream) => stream.answer("Hello"));
    const refused = await withTrust("self_attested");
    expect(refused.status).toBe(503);
    expect(((await refused.json()) as { error: { code: string } }).error.code).toBe("trust_unavailable");
    const proved = await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    const served = await withTrust("self_attested");
    expect(served.headers.get("x-provider-id")).toBe(proved.id);
    expect(unproved.streams).toHaveLength(0);
    expect((await withTrust("hardware")).status).toBe(503);
  });

  it("with a level that does not exist is a clear 400", async () => {
    const response = await withTrust("absolute");
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: { param: string } }).error.param).toBe("X-Hearth-Min-Trust");
  });
});

describe("the operator's runtime manifest", () => {
  const manifest = (body: unknown, method = "PUT") =>
    fetch(`${hearth.url}/admin/runtime-manifest`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      ...(method === "PUT" ? { body: JSON.stringify(body) } : {}),
    });
  const told = (provider: ScriptedProvider) => provider.received.filter(({ type }) => type === "runtime_status");
  const HASH = "c".repeat(64);

  it("fences a machine with another program, says so to it, and heals when the list has its program", async () => {
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    expect((await manifest({ binaries: [HASH] })).status).toBe(200);
    expect((await hearth.chat(ask)).status).toBe(503);
    await expect
      .poll(() => told(provider))
      .toMatchObject([
        { verified: false, mismatches: [{ component: "binary", expected: [HASH], actual: GOOD_POSTURE.binary_hash }] },
      ]);
    await manifest({ binaries: [HASH, GOOD_POSTURE.binary_hash] });
    expect((await hearth.chat(ask)).status).toBe(200);
    await expect.poll(() => told(provider).at(-1)).toMatchObject({ verified: true, mismatches: [] });
  });

  it("keeps requests from a model whose weights are not the catalog's, until they are", async () => {
    const models = [{ id: "m", weights_hash: "d".repeat(64) }, { id: "other" }];
    const provider = await hearth.provider((stream) => stream.answer("Hello"), {
      machine: new AttestingMachine(),
      models,
    });
    await manifest({ models: { m: { weights: [HASH] } } });
    expect((await hearth.chat(ask)).status).toBe(503);
    expect((await hearth.chat({ ...ask, model: "other" })).status).toBe(200);
    provider.send({ type: "models_update", models: [{ id: "m", capabilities: {}, weights_hash: HASH }] });
    await expect.poll(() => told(provider).at(-1)).toMatchObject({ verified: true });
    expect((await hearth.chat(ask)).status).not.toBe(503);
  });

  it("is refused with its mistake named, and shown to operators only", async () => {
    const refused = await manifest({ binaries: ["nonsense"] });
    expect(refused.status).toBe(400);
    expect(((await refused.json()) as { error: { param: string } }).error.param).toBe("binaries[0]");
    expect((await manifest(undefined, "GET")).status).toBe(200);
    expect((await hearth.get("/admin/runtime-manifest")).status).toBe(401);
  });
});

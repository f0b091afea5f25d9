import {
  entryOf,
  issueReceipt,
  type ReceiptFacts,
  type Verifier,
  verifierOf,
  verifyDocument,
  verifyReceipt,
} from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
// Not of the package's interface: what an earlier coordinator has kept.
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const ask = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const USAGE = { prompt_tokens: 3, completion_tokens: 2 };

/** Virtual time whose day is today: machines attest by their own clock. */
function stillClock(): FakeClock {
  const clock = new FakeClock();
  clock.pause(Date.now());
  return clock;
}

/** A whole answer, complete, without its receipt. */
function unsigned(stream: ScriptedStream, usage = USAGE): void {
  stream.role();
  stream.content("Hello");
  stream.finish();
  stream.raw("data: [DONE]\n\n", true);
  stream.complete(usage);
}

const unsignedScript = (stream: ScriptedStream): void => unsigned(stream);

interface Document {
  readonly error?: { readonly code: string };
  readonly counted?: unknown;
  readonly receipt?: { readonly content: { readonly usage: object } };
}

async function kept(id: string | null): Promise<{ status: number; retryAfter: string | null; body: Document }> {
  const response = await hearth.get(`/v1/receipts/${id}`);
  const body = (await response.json()) as Document;
  return { status: response.status, retryAfter: response.headers.get("retry-after"), body };
}

const streamOf = (provider: ScriptedProvider, at = 0): ScriptedStream => provider.streams[at] as ScriptedStream;
const idOf = (response: Response): string | null => response.headers.get("x-receipt-id");

async function proofs(outcome: string): Promise<number> {
  const metrics = await (await hearth.get("/metrics")).text();
  const name = `hearth_proofs_total{kind="receipt",outcome="${outcome}"} `;
  return Number(
    metrics
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? 0,
  );
}

/** Reads a stream until this text has come. */
async function readUntil(response: Response, text: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  for (let seen = ""; !seen.includes(text); ) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended without ${text}`);
    seen += decoder.decode(value, { stream: true });
  }
  return reader;
}

async function readRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += Buffer.from(value).toString("utf8");
  }
}

describe("an answer", () => {
  it("is out with its last event before anything is signed, and its stream stays open for the receipt", async () => {
    hearth = await startTestCoordinator({ clock: stillClock() });
    const provider = await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
    const response = await hearth.chat({ ...ask, stream: true });
    const reader = await readUntil(response, "data: [DONE]\n\n");
    streamOf(provider).receipt(await streamOf(provider).sign());
    expect(await readRest(reader)).toMatch(/^: hearth-receipt \{"blob":.*\}\n\n$/);
    expect((await kept(idOf(response))).status).toBe(200);
  });

  it("ends with its receipt pending when that is late, which can be had when it is here", async () => {
    const clock = stillClock();
    hearth = await startTestCoordinator({ clock });
    const provider = await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
    const response = await hearth.chat({ ...ask, stream: true });
    const id = idOf(response);
    const reader = await readUntil(response, "data: [DONE]\n\n");
    clock.advance(49);
    expect(await kept(id)).toMatchObject({
      status: 404,
      retryAfter: "1",
      body: { error: { code: "receipt_pending" } },
    });
    clock.advance(1);
    const pending = { status: "pending", request_id: id };
    expect(await readRest(reader)).toBe(`: hearth-receipt ${JSON.stringify(pending)}\n\n`);
    streamOf(provider).receipt(await streamOf(provider).sign());
    await expect.poll(async () => (await kept(id)).status).toBe(200);
    expect(verifyDocument((await kept(id)).body)[0]?.valid).toBe(true);
  });

  it("that is whole waits for no receipt at all", async () => {
    hearth = await startTestCoordinator({ clock: stillClock() });
    const provider = await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
    const response = await hearth.chat(ask);
    expect(response.status).toBe(200);
    await response.json();
    expect((await kept(idOf(response))).body.error?.code).toBe("receipt_pending");
    streamOf(provider).receipt(await streamOf(provider).sign());
    await expect.poll(async () => (await kept(idOf(response))).status).toBe(200);
  });

  it("whose receipt never comes has none when its time is over", async () => {
    const clock = stillClock();
    hearth = await startTestCoordinator({ clock });
    await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
    const response = await hearth.chat(ask);
    await response.json();
    // In steps, with pongs between: a machine that is silent for two pings is gone.
    for (let waitedMs = 0; waitedMs < LIMITS.receiptWaitMs; waitedMs += 5_000) {
      expect((await kept(idOf(response))).body.error?.code).toBe("receipt_pending");
      clock.advance(5_000);
    }
    await expect.poll(async () => (await kept(idOf(response))).body.error?.code).toBe("not_found");
    expect(await proofs("missing")).toBe(1);
  });
});

describe("receipts of one batch", () => {
  it("are each checked for their own request, and each verifies by itself", async () => {
    hearth = await startTestCoordinator();
    const machine = new AttestingMachine();
    const provider = await hearth.provider(unsignedScript, { machine });
    const ids: (string | null)[] = [];
    for (let n = 0; n < 5; n++) {
      const response = await hearth.chat(ask);
      await response.json();
      ids.push(idOf(response));
    }
    const facts: ReceiptFacts[] = [];
    for (const stream of provider.streams) facts.push(factsOf(machine, await stream.sign()));
    const receipts = await machine.receipts(facts);
    for (const [at, receipt] of receipts.entries()) streamOf(provider, at).receipt(receipt);
    await expect.poll(() => proofs("ok")).toBe(5);
    for (const id of ids) {
      const [finding] = verifyDocument((await kept(id)).body);
      expect(finding).toMatchObject({ valid: true, receipt: { request_id: id } });
    }
  });

  it("are not taken for one another, and whoever tries is fenced", async () => {
    hearth = await startTestCoordinator();
    const machine = new AttestingMachine();
    const provider = await hearth.provider(unsignedScript, { machine });
    const responses = [await hearth.chat(ask), await hearth.chat(ask)];
    const facts: ReceiptFacts[] = [];
    for (const stream of provider.streams) facts.push(factsOf(machine, await stream.sign()));
    const [one, two] = await machine.receipts(facts);
    if (one === undefined || two === undefined) throw new Error("no receipts");
    streamOf(provider, 0).receipt(two);
    expect((await provider.closed).reason).toBe("untrusted");
    for (const response of responses) {
      await response.json();
      expect((await kept(idOf(response))).body.error?.code).toBe("not_found");
    }
  });
});

describe("whoever signs falsely", () => {
  it("is fenced also when it has left before anybody looked", async () => {
    hearth = await startTestCoordinator();
    const machine = new AttestingMachine();
    const provider = await hearth.provider(() => {}, { machine });
    // Hashing this request comes before its receipt, and takes some turns.
    const large = { model: "m", messages: [{ role: "user", content: "x".repeat(15 << 20) }] };
    const answered = hearth.chat(large);
    await expect.poll(() => provider.streams.length, { timeout: 10_000 }).toBe(1);
    const stream = streamOf(provider);
    unsigned(stream);
    stream.receipt(await stream.sign(undefined, { model: "another" }));
    provider.socket.close();
    expect((await answered).status).toBe(200);
    await expect.poll(() => proofs("mismatch")).toBe(1);
    await hearth.provider(unsignedScript, { machine });
    expect((await hearth.chat(ask)).status).toBe(503);
  });

  it("or shows a proof that leads elsewhere, too", async () => {
    hearth = await startTestCoordinator();
    const provider = await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
    await hearth.chat(ask);
    const { blob, batch } = await streamOf(provider).sign();
    streamOf(provider).receipt({ blob, batch: { ...batch, proof: [Buffer.alloc(32).toString("base64url")] } });
    expect((await provider.closed).reason).toBe("untrusted");
    await expect.poll(() => proofs("bad_signature")).toBe(1);
  });
});

describe("a receipt that nobody awaits", () => {
  it("is counted and harms nobody: a second one, one of a stream that runs, one of none", async () => {
    hearth = await startTestCoordinator();
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    await (await hearth.chat(ask)).json();
    await expect.poll(() => proofs("ok")).toBe(1);
    const receipt = { blob: "AAAA", batch: { blob: "AAAA", signature: "A".repeat(86), index: 0, proof: [] } };
    for (const stream of [1, 2, 99]) provider.send({ type: "receipt", stream, ...receipt });
    await expect.poll(() => proofs("unexpected")).toBe(3);
    expect((await hearth.chat(ask)).status).toBe(200);
  });
});

describe("what was signed", () => {
  it("stands as it was signed, and what counts stands beside it where that is less", async () => {
    hearth = await startTestCoordinator();
    const usage = { prompt_tokens: 3, completion_tokens: 9_000_000 };
    await hearth.provider(
      (stream) => {
        unsigned(stream, usage);
        return stream.sign(usage).then((receipt) => stream.receipt(receipt));
      },
      { machine: new AttestingMachine() },
    );
    const response = await hearth.chat(ask);
    await response.json();
    await expect.poll(async () => (await kept(idOf(response))).status).toBe(200);
    const { body } = await kept(idOf(response));
    expect(body.receipt?.content.usage).toEqual(usage);
    expect(body.counted).toMatchObject({
      usage: { prompt_tokens: 3 },
      reason: "more_than_possible",
      members: ["completion"],
    });
    expect((body.counted as { usage: typeof USAGE }).usage.completion_tokens).toBeLessThan(1_000_000);
    expect(verifyDocument(body)[0]).toMatchObject({ valid: true, receipt: { usage } });
  });

  it("says nothing of a difference where there is none", async () => {
    hearth = await startTestCoordinator();
    await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    const response = await hearth.chat({ ...ask, stream: true });
    await response.text();
    expect(await hearth.receipt(response)).toMatchObject({ counted: null });
  });
});

it("a coordinator that stops waits for the receipts of its last answers", async () => {
  const store = openMemoryStore();
  const ids: string[] = [];
  const remembering = {
    ...store,
    receipts: {
      find: store.receipts.find.bind(store.receipts),
      prune: store.receipts.prune.bind(store.receipts),
      put: async (receipts: Parameters<typeof store.receipts.put>[0]) => {
        ids.push(...receipts.map(({ requestId }) => requestId));
        await store.receipts.put(receipts);
      },
    },
  };
  hearth = await startTestCoordinator({ store: remembering });
  const provider = await hearth.provider(unsignedScript, { machine: new AttestingMachine() });
  const response = await hearth.chat(ask);
  await response.json();
  const stopped = hearth.coordinator.stop();
  await expect.poll(() => provider.received.some(({ type }) => type === "go_away")).toBe(true);
  streamOf(provider).receipt(await streamOf(provider).sign());
  expect(await stopped).toEqual([]);
  expect(ids).toEqual([idOf(response)]);
});

it("a receipt of format 1 that was kept before is given out, and verifies", async () => {
  const store = openMemoryStore();
  hearth = await startTestCoordinator({ store });
  const machine = new AttestingMachine();
  let facts: ReceiptFacts | undefined;
  await hearth.provider(
    async (stream) => {
      unsigned(stream);
      const receipt = await stream.sign();
      facts = factsOf(machine, receipt);
      stream.receipt(receipt);
    },
    { machine },
  );
  const response = await hearth.chat(ask);
  await response.json();
  const id = idOf(response) as string;
  await expect.poll(async () => (await kept(id)).status).toBe(200);
  await expect.poll(() => store.receipts.find(id, "default")).toBeDefined();
  const newer = await store.receipts.find(id, "default");
  if (newer === undefined || facts === undefined) throw new Error("not kept");
  const older = await issueReceipt(machine.signer, { ...facts, request_id: "req_old" });
  await store.receipts.put([{ ...newer, requestId: "req_old", ...older }]);
  const { body } = await kept("req_old");
  expect(body.receipt).toMatchObject({ signature: expect.any(String), content: { type: "hearth.receipt.v1" } });
  expect(verifyDocument(body)[0]).toMatchObject({ valid: true, receipt: { request_id: "req_old" } });
});

/** What a receipt says, to be signed anew. */
function factsOf(machine: AttestingMachine, receipt: Parameters<typeof entryOf>[0]): ReceiptFacts {
  const verdict = verifyReceipt(entryOf(receipt), verifierOf(machine.signer.publicKey) as Verifier);
  if (verdict.type === "failed" || verdict.value.type !== "hearth.receipt.v2") throw new Error("no receipt");
  const { type: _type, salt: _salt, ...facts } = verdict.value;
  return facts;
}

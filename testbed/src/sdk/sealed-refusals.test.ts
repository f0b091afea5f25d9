import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type Envelope, postSealed, sealByHand } from "./sealed-envelope.js";

let hearth: TestCoordinator;
let provider: ScriptedProvider;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  provider = await hearth.provider((s) => s.answer("a", "b"));
});

afterEach(() => hearth.stop());

const BODY = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] });

async function refusal(response: Response): Promise<{ readonly status: number; readonly code: unknown }> {
  const { error } = (await response.json()) as { error: { code: unknown } };
  return { status: response.status, code: error.code };
}

/** The base64url text with one bit of one byte changed. */
function flipped(text: string): string {
  const bytes = Buffer.from(text, "base64url");
  bytes[bytes.length >> 1]! ^= 1;
  return bytes.toString("base64url");
}

const swapped = ([first = "", second = ""]: readonly string[]): string[] => [second, first];
const other = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);

describe("a sealed body", () => {
  it("that is as it was sent is answered, sealed", async () => {
    const { envelope, answer } = await sealByHand(hearth.url, BODY);
    const response = await postSealed(hearth.url, envelope);
    expect(response.headers.get("content-type")).toBe("application/hearth-sealed+json");
    const { v, chunks } = (await response.json()) as { v: number; chunks: string[] };
    const opened = chunks.map((chunk, seq) =>
      Buffer.from(answer.open(Buffer.from(chunk, "base64url"), seq, seq === chunks.length - 1)).toString(),
    );
    expect(v).toBe(1);
    expect(JSON.parse(opened[0]!)).toEqual({ status: 200, content_type: "application/json; charset=utf-8" });
    expect(JSON.parse(opened[1]!)).toMatchObject({ choices: [{ message: { content: "ab" } }] });
  });

  it.each<[string, string, (envelope: Envelope) => object]>([
    ["another version", "sealed_malformed", (e) => ({ ...e, v: 2 })],
    ["another key id", "sealed_wrong_key", (e) => ({ ...e, key_id: other(e.key_id) })],
    ["a key id of the wrong length", "sealed_malformed", (e) => ({ ...e, key_id: "short" })],
    ["another encapsulated key", "sealed_tampered", (e) => ({ ...e, encapsulated_key: flipped(e.encapsulated_key) })],
    ["an encapsulated key of low order", "sealed_tampered", (e) => ({ ...e, encapsulated_key: "A".repeat(43) })],
    ["an encapsulated key cut short", "sealed_malformed", (e) => ({ ...e, encapsulated_key: "AAAA" })],
    ["another id", "sealed_tampered", (e) => ({ ...e, id: other(e.id) })],
    ["no id", "sealed_malformed", ({ id: _, ...e }) => e],
    [
      "a bit flipped in its first chunk",
      "sealed_tampered",
      (e) => ({ ...e, chunks: [flipped(e.chunks[0]!), e.chunks[1]] }),
    ],
    [
      "a bit flipped in its last chunk",
      "sealed_tampered",
      (e) => ({ ...e, chunks: [e.chunks[0], flipped(e.chunks[1]!)] }),
    ],
    ["its chunks swapped", "sealed_tampered", (e) => ({ ...e, chunks: swapped(e.chunks) })],
    ["its last chunk missing", "sealed_tampered", (e) => ({ ...e, chunks: e.chunks.slice(0, 1) })],
    ["its last chunk twice", "sealed_tampered", (e) => ({ ...e, chunks: [...e.chunks, e.chunks[1]] })],
    ["no chunks", "sealed_malformed", (e) => ({ ...e, chunks: [] })],
    ["a chunk that is not base64url", "sealed_malformed", (e) => ({ ...e, chunks: ["!!!!", e.chunks[1]] })],
    ["more chunks than any", "sealed_malformed", (e) => ({ ...e, chunks: Array(257).fill(e.chunks[0]) })],
  ])("with %s is refused by name", async (_what, code, change) => {
    const { envelope } = await sealByHand(hearth.url, BODY);
    expect(await refusal(await postSealed(hearth.url, change(envelope)))).toEqual({ status: 400, code });
    expect(provider.streams).toHaveLength(0);
    // What was refused has used nothing up.
    expect((await postSealed(hearth.url, envelope)).status).toBe(200);
  });

  it("that comes twice is answered once", async () => {
    const { envelope } = await sealByHand(hearth.url, BODY);
    expect((await postSealed(hearth.url, envelope)).status).toBe(200);
    expect(await refusal(await postSealed(hearth.url, envelope))).toEqual({ status: 400, code: "sealed_replayed" });
    expect(provider.streams).toHaveLength(1);
  });

  it("does not open at another route than its own", async () => {
    const { envelope } = await sealByHand(hearth.url, BODY, "/v1/completions");
    expect(await refusal(await postSealed(hearth.url, envelope))).toEqual({ status: 400, code: "sealed_tampered" });
  });

  it("with the wrong key id is told the right one, in the form of each dialect", async () => {
    const { envelope } = await sealByHand(hearth.url, BODY);
    const strange = { ...envelope, key_id: other(envelope.key_id) };
    expect(await (await postSealed(hearth.url, strange)).json()).toMatchObject({
      error: { code: "sealed_wrong_key", param: "key_id", key_id: envelope.key_id },
    });
    expect(await (await postSealed(hearth.url, strange, "/v1/messages")).json()).toMatchObject({
      type: "error",
      error: {
        type: "invalid_request_error",
        message: expect.stringContaining(envelope.key_id),
        details: { error_code: "sealed_wrong_key", key_id: envelope.key_id },
      },
    });
  });
});

describe("nothing falls through", () => {
  it.each(["application/hearth-sealed+json; charset=utf-8", "Application/Hearth-Sealed+JSON"])(
    "from a sealed content type to plaintext: %s",
    async (type) => {
      const response = await hearth.chat(BODY, { headers: { "Content-Type": type } });
      expect(await refusal(response)).toEqual({ status: 400, code: "sealed_malformed" });
      expect(provider.streams).toHaveLength(0);
    },
  );

  it("from plaintext to a sealed body", async () => {
    const { envelope } = await sealByHand(hearth.url, BODY);
    const response = await hearth.chat(envelope);
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("sealed_");
    expect(provider.streams).toHaveLength(0);
  });

  it("and a body in the open is answered in the open", async () => {
    const response = await hearth.chat(BODY);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "ab" } }] });
  });
});

it("refuses an envelope over its limit, and a body over its limit that is sealed", async () => {
  expect((await postSealed(hearth.url, " ".repeat(23 * 2 ** 20))).status).toBe(413);
  const { envelope } = await sealByHand(hearth.url, " ".repeat(16 * 2 ** 20 + 1));
  expect((await postSealed(hearth.url, envelope)).status).toBe(413);
  expect(provider.streams).toHaveLength(0);
});

it("takes a sealed body of the greatest size", async () => {
  const frame = JSON.stringify({ model: "m", messages: [{ role: "user", content: "" }] });
  const body = frame.replace('""', `"${"x".repeat(16 * 2 ** 20 - frame.length)}"`);
  const { envelope } = await sealByHand(hearth.url, body);
  const response = await postSealed(hearth.url, envelope);
  // No machine of the test has room for so long a prompt; that it was read is what counts.
  expect(response.headers.get("content-type")).toBe("application/hearth-sealed+json");
});

it("counts what it refuses by its code", async () => {
  const { envelope } = await sealByHand(hearth.url, BODY);
  await postSealed(hearth.url, { ...envelope, id: other(envelope.id) });
  const metrics = await (await hearth.get("/metrics")).text();
  expect(metrics).toContain('hearth_refusals_total{code="sealed_tampered"} 1');
});

it("wants a key of the API before it opens anything", async () => {
  const { envelope } = await sealByHand(hearth.url, BODY);
  const body = JSON.stringify(envelope);
  const headers = { Authorization: `Bearer not-${API_KEY}`, "Content-Type": "application/hearth-sealed+json" };
  expect((await hearth.chat(body, { headers })).status).toBe(401);
  expect((await postSealed(hearth.url, envelope)).status).toBe(200);
});

it("announces its key to everybody, with all that a client needs", async () => {
  const response = await fetch(`${hearth.url}/v1/encryption-key`);
  expect(response.headers.get("cache-control")).toBe("public, max-age=3600");
  const key = (await response.json()) as { expires_at: number; next_key: { not_before: number } };
  expect(key).toMatchObject({
    object: "encryption_key",
    key_id: expect.stringMatching(/^[\w-]{16}$/),
    public_key: expect.stringMatching(/^[\w-]{43}$/),
    suite: {
      kem: { id: 32, name: "DHKEM(X25519, HKDF-SHA256)" },
      kdf: { id: 1, name: "HKDF-SHA256" },
      aead: { id: 3, name: "ChaCha20Poly1305" },
    },
    format: "hearth-sealed/1",
  });
  expect(key.next_key.not_before).toBe(key.expires_at);
  expect((await fetch(`${hearth.url}/v1/encryption-key`, { method: "POST" })).status).toBe(405);
});

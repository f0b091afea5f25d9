import { createSealedFetch, type SealedFetchOptions } from "@hearth/client";
import { generateKeyPair } from "@hearth/e2e";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});

afterEach(() => hearth.stop());

type Exchange = (request: Request) => Promise<Response>;
/** Somebody between client and coordinator. */
type Meddler = (exchange: Exchange, request: Request) => Promise<Response>;

function ask(stream: boolean, meddle: Meddler, options: Partial<SealedFetchOptions> = {}): Promise<Response> {
  const carry: typeof fetch = (input, init) => meddle((request) => fetch(request), new Request(input, init));
  const sealedFetch = createSealedFetch({ baseUrl: hearth.url, fetch: carry, ...options });
  return sealedFetch(`${hearth.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "m", stream, messages: [{ role: "user", content: "hi" }] }),
  });
}

const isKeyRequest = (request: Request): boolean => request.url.endsWith("/v1/encryption-key");
const untouched: Meddler = (exchange, request) => exchange(request);

/** Changes the text of answers, as they travel. */
function changing(change: (text: string) => string): Meddler {
  return async (exchange, request) => {
    const response = await exchange(request);
    if (isKeyRequest(request)) return response;
    return new Response(change(await response.text()), response);
  };
}

type SealedEvent = { s: number; f: boolean; c: string };

/** Changes the list of a stream's events. */
function changingEvents(change: (events: SealedEvent[]) => SealedEvent[]): Meddler {
  return changing((text) => {
    const events = text.split("\n\n").filter((block) => block.startsWith("data: "));
    const changed = change(events.map((event) => JSON.parse(event.slice(6)) as SealedEvent));
    return changed.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  });
}

function flipped(text: string): string {
  const bytes = Buffer.from(text, "base64url");
  bytes[bytes.length >> 1]! ^= 1;
  return bytes.toString("base64url");
}

describe("a stream", () => {
  beforeEach(async () => {
    await hearth.provider((s) => s.answer("a", "b"));
  });

  it("that nobody touches reads as it would in the open", async () => {
    const sealed = await ask(true, untouched);
    expect(sealed.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(sealed.headers.get("x-provider-id")).toMatch(/./);
    const { content, done, broken } = await readStream(sealed);
    expect({ content, done, broken }).toEqual({ content: "ab", done: 1, broken: false });
  });

  it("has its comments carried through, which need no seal", async () => {
    const chatty = changing((text) => text.replaceAll("data: ", ": keep-alive\n\ndata: "));
    const { text, content, broken } = await readStream(await ask(true, chatty));
    expect({ content, broken }).toEqual({ content: "ab", broken: false });
    expect(text).toMatch(/^: keep-alive\n\n/);
  });

  it.each<[string, string, (events: SealedEvent[]) => SealedEvent[]]>([
    ["is cut short", "truncated_answer", (events) => events.slice(0, -1)],
    ["has no events at all", "truncated_answer", () => []],
    [
      "is cut short and told to be whole",
      "tampered_answer",
      (e) => e.slice(0, 3).map((each, i) => ({ ...each, f: i === 2 })),
    ],
    ["lacks its first event", "tampered_answer", (events) => events.slice(1)],
    ["lacks one in the middle", "tampered_answer", (events) => events.toSpliced(2, 1)],
    ["has two events swapped", "tampered_answer", (e) => e.toSpliced(1, 2, e[2]!, e[1]!)],
    [
      "has two events' contents swapped",
      "tampered_answer",
      (e) => e.toSpliced(1, 2, { ...e[1]!, c: e[2]!.c }, { ...e[2]!, c: e[1]!.c }),
    ],
    ["repeats an event", "tampered_answer", (e) => e.toSpliced(2, 0, e[1]!)],
    ["goes on after its end", "tampered_answer", (e) => [...e, e.at(-1)!]],
    ["has a bit flipped", "tampered_answer", (e) => e.with(2, { ...e[2]!, c: flipped(e[2]!.c) })],
    ["has a bit flipped in its first event", "tampered_answer", (e) => e.with(0, { ...e[0]!, c: flipped(e[0]!.c) })],
    ["has another number on an event", "tampered_answer", (e) => e.with(2, { ...e[2]!, s: 7 })],
    ["has what is not base64url in it", "malformed_answer", (e) => e.with(2, { ...e[2]!, c: "!" })],
    ["has an event of another kind in it", "malformed_answer", (e) => e.with(2, { error: {} } as never)],
  ])("that %s fails", async (_what, code, change) => {
    const response = await ask(true, changingEvents(change));
    await expect(response.text()).rejects.toMatchObject({ name: "SealedTransportError", code });
  });

  it("in the open where it should be sealed fails before anything of it is shown", async () => {
    const forged = changing(() => 'data: {"choices":[{"delta":{"content":"forged"}}]}\n\ndata: [DONE]\n\n');
    const { text, broken } = await readStream(await ask(true, forged));
    expect({ text, broken }).toEqual({ text: "", broken: true });
  });

  it("whose connection breaks fails", async () => {
    const cutting: Meddler = async (exchange, request) => {
      const response = await exchange(request);
      if (isKeyRequest(request)) return response;
      const whole = Buffer.from(await response.arrayBuffer());
      const parts = [whole.subarray(0, whole.length - 40)];
      const body = new ReadableStream({
        pull(controller) {
          const part = parts.pop();
          if (part === undefined) controller.error(new TypeError("terminated"));
          else controller.enqueue(part);
        },
      });
      return new Response(body, response);
    };
    expect((await readStream(await ask(true, cutting))).broken).toBe(true);
  });
});

describe("a whole answer", () => {
  beforeEach(async () => {
    await hearth.provider((s) => s.answer("a", "b"));
  });

  type Whole = { v: number; chunks: string[] };
  const changingWhole = (change: (whole: Whole) => unknown): Meddler =>
    changing((text) => JSON.stringify(change(JSON.parse(text) as Whole)));

  it.each<[string, string, (whole: Whole) => unknown]>([
    ["lacks its body", "tampered_answer", (w) => ({ ...w, chunks: w.chunks.slice(0, 1) })],
    ["lacks its head", "tampered_answer", (w) => ({ ...w, chunks: w.chunks.slice(1) })],
    ["is turned round", "tampered_answer", (w) => ({ ...w, chunks: w.chunks.toReversed() })],
    ["has a bit flipped", "tampered_answer", (w) => ({ ...w, chunks: w.chunks.with(1, flipped(w.chunks[1]!)) })],
    ["has no chunks", "malformed_answer", (w) => ({ ...w, chunks: [] })],
    ["is something else", "malformed_answer", () => ({ choices: [] })],
    ["is not base64url", "malformed_answer", (w) => ({ ...w, chunks: ["*", "*"] })],
  ])("that %s is refused", async (_what, code, change) => {
    await expect(ask(false, changingWhole(change))).rejects.toMatchObject({ name: "SealedTransportError", code });
  });

  it("of another request is refused", async () => {
    let kept: string | undefined;
    const mixing = changing((text) => {
      kept ??= text;
      return kept;
    });
    expect((await ask(false, mixing)).status).toBe(200);
    await expect(ask(false, mixing)).rejects.toMatchObject({ code: "tampered_answer" });
  });

  it("in the open where it should be sealed is refused", async () => {
    const forging: Meddler = async (exchange, request) =>
      isKeyRequest(request) ? exchange(request) : Response.json({ choices: [{ message: { content: "forged" } }] });
    await expect(ask(false, forging)).rejects.toMatchObject({ code: "unsealed_answer" });
  });

  it.each([201, 400, 500])("whose status was changed to %i is refused", async (status) => {
    const changed: Meddler = async (exchange, request) => {
      const response = await exchange(request);
      return isKeyRequest(request) ? response : new Response(response.body, { status, headers: response.headers });
    };
    await expect(ask(false, changed)).rejects.toMatchObject({ code: "tampered_answer" });
  });
});

describe("the key", () => {
  it("that the coordinator no longer has is fetched again, once", async () => {
    await hearth.provider((s) => s.answer("a"));
    const other = generateKeyPair();
    const urls: string[] = [];
    const stale: Meddler = async (exchange, request) => {
      urls.push(new URL(request.url).pathname);
      const response = await exchange(request);
      if (urls.length > 1) return response;
      const public_key = Buffer.from(other.publicKey).toString("base64url");
      return Response.json({ ...((await response.json()) as object), key_id: other.keyId, public_key });
    };
    expect((await ask(false, stale)).status).toBe(200);
    const [key, chat] = ["/v1/encryption-key", "/v1/chat/completions"];
    expect(urls).toEqual([key, chat, key, chat]);
  });

  it("is fetched once for many requests", async () => {
    await hearth.provider((s) => s.answer("a"));
    let fetches = 0;
    const carry: typeof fetch = (input, init) => {
      if (String(input).endsWith("/v1/encryption-key")) fetches += 1;
      return fetch(input, init);
    };
    const sealedFetch = createSealedFetch({ baseUrl: hearth.url, fetch: carry });
    for (let i = 0; i < 3; i++) {
      const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] });
      const headers = { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" };
      const response = await sealedFetch(`${hearth.url}/v1/chat/completions`, { method: "POST", headers, body });
      expect(response.status).toBe(200);
    }
    expect(fetches).toBe(1);
  });

  it("that is always refused is told as the coordinator's own error, after one more try", async () => {
    let tries = 0;
    const refusing: Meddler = async (exchange, request) => {
      if (isKeyRequest(request)) return exchange(request);
      tries += 1;
      return Response.json({ error: { code: "sealed_wrong_key" } }, { status: 400 });
    };
    expect((await ask(false, refusing)).status).toBe(400);
    expect(tries).toBe(2);
  });

  it("may be given, and then none is fetched", async () => {
    await hearth.provider((s) => s.answer("a"));
    const { public_key } = (await (await fetch(`${hearth.url}/v1/encryption-key`)).json()) as { public_key: string };
    const never: Meddler = (exchange, request) => {
      expect(isKeyRequest(request)).toBe(false);
      return exchange(request);
    };
    expect((await ask(false, never, { publicKey: public_key })).status).toBe(200);
    const strange = await ask(false, never, { publicKey: generateKeyPair().publicKey });
    expect(await strange.json()).toMatchObject({ error: { code: "sealed_wrong_key" } });
  });

  it.each<[string, string, (key: object) => unknown]>([
    ["is none of those that are expected", "key_not_pinned", (key) => key],
    ["has another's id", "key_unavailable", (key) => ({ ...key, key_id: "A".repeat(16) })],
    ["is too short", "key_unavailable", (key) => ({ ...key, public_key: "AAAA" })],
    ["is for another format", "key_unavailable", (key) => ({ ...key, format: "hearth-sealed/2" })],
    ["is nothing", "key_unavailable", () => null],
  ])("that %s ends it, and nothing is sent", async (_what, code, change) => {
    const sent: string[] = [];
    const meddle: Meddler = async (exchange, request) => {
      sent.push(new URL(request.url).pathname);
      return Response.json(change((await (await exchange(request)).json()) as object));
    };
    await expect(ask(false, meddle, { expectedKeyIds: ["B".repeat(16)] })).rejects.toMatchObject({ code });
    expect(sent).toEqual(["/v1/encryption-key"]);
  });

  it("that cannot be had ends it, and nothing is sent", async () => {
    const sent: string[] = [];
    const down: Meddler = async (_exchange, request) => {
      sent.push(new URL(request.url).pathname);
      return new Response("bad gateway", { status: 502 });
    };
    await expect(ask(false, down)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(sent).toEqual(["/v1/encryption-key"]);
  });
});

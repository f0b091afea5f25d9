import { createWholeFold, type EventDialectName } from "@hearth/dialects";
import { FIXTURE_FACTS, STREAM_FIXTURES } from "@hearth/dialects/fixtures";
import type { ResponseSealer } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { decodeData, LIMITS, type RequestFrame } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { BodyReader } from "./body-reader.js";
import { CreditedSender } from "./credited-sender.js";
import { EventScan } from "./event-scan.js";
import { JobFailure } from "./job-failure.js";
import { piecesOf } from "./pieces.js";
import { relayEvents, relayWhole } from "./relay.js";

const delta = (text: string): string =>
  `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"${text}"}}\n\n`;
const MESSAGE = { id: "msg_1", type: "message", role: "assistant" };
const START = [
  `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: MESSAGE })}\n\n`,
  'event: content_block_start\ndata: {"type":"content_block_start","content_block":{"type":"text","text":""}}\n\n',
].join("");
const STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
const FAILURE = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n';

/** Seals nothing, but counts like a sealer. */
class OpenSealer implements ResponseSealer {
  nextSeq = 0;

  seal(plaintext: Uint8Array, _final: boolean, headroomBytes = 0): Uint8Array {
    this.nextSeq += 1;
    return Buffer.concat([Buffer.alloc(headroomBytes), plaintext]);
  }
}

/** Relays a body of Messages that comes in these parts. */
function relay(delivery: RequestFrame["delivery"], ...parts: readonly string[]) {
  return relayOf(
    "messages",
    delivery,
    parts.map((part) => Buffer.from(part)),
  );
}

/** Relays a body that comes in these parts. */
function relayOf(dialect: EventDialectName, delivery: RequestFrame["delivery"], parts: readonly Uint8Array[]) {
  const clock = new FakeClock();
  const sent = { text: "", final: false, holds: [] as string[] };
  const sendData = (bytes: Uint8Array): void => {
    const frame = decodeData(bytes);
    sent.text += Buffer.from(frame?.ciphertext ?? []).toString();
    sent.final = frame?.final === true;
    sent.holds.push(frame?.holds ?? "nothing");
  };
  const sender = new CreditedSender({
    stream: 1,
    sealer: new OpenSealer(),
    outlet: { sendData, congested: false, onWritable() {} },
  });
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* parts;
  }
  const reader = new BodyReader(body(), clock, { stalled: () => {} });
  const fold = createWholeFold(dialect, FIXTURE_FACTS);
  const scan = new EventScan(dialect, delivery === "whole" ? { parsed: (parsed) => fold.add(parsed) } : {});
  const common = { pieces: piecesOf(reader), sender, scan };
  const heard = (): void => {};
  const done =
    delivery === "whole"
      ? relayWhole({ ...common, hooks: { heard, body: () => fold.body() } })
      : relayEvents({ ...common, hooks: { heard } });
  const outcome = done.then(
    () => "relayed" as const,
    (failure: unknown) => (failure instanceof JobFailure ? failure.told : failure),
  );
  return { sent, scan, sender, outcome };
}

describe("the last events of a backend", () => {
  it("send the one answer that all of them come to, for a consumer who waits for it", async () => {
    const { sent, outcome } = relay("whole", START, delta("a"), delta("b"), delta("c"), STOP);
    expect(await outcome).toBe("relayed");
    expect(sent).toMatchObject({ final: true, holds: ["content"] });
    expect(JSON.parse(sent.text)).toEqual({ ...MESSAGE, content: [{ type: "text", text: "abc" }] });
  });

  it("send nothing of an answer that was to be whole when they are an error, and tell the error", async () => {
    const { sent, outcome } = relay("whole", START, delta("a"), FAILURE);
    expect(await outcome).toEqual({ code: "capacity", status: 503, progress: "processed" });
    expect(sent).toMatchObject({ text: "", final: false });
  });

  it.each(["data: {broken\n\n", "data: null\n\n"])(
    "do not make up for %j in an answer that was to be whole",
    async (event) => {
      const { sent, outcome } = relay("whole", START, delta("a"), event, delta("b"), STOP);
      expect(await outcome).toEqual({ code: "backend_error", status: 502, progress: "processed" });
      expect(sent.text).toBe("");
    },
  );

  it("come after heartbeats without words, which say nothing", async () => {
    const { sent, outcome } = relay("whole", START, ": ping\n\n", delta("a"), "data:\n\n", "event: x\n\n", STOP);
    expect(await outcome).toBe("relayed");
    expect(JSON.parse(sent.text)).toEqual({ ...MESSAGE, content: [{ type: "text", text: "a" }] });
  });

  it("of an answer that was to be whole and ends early are a cut", async () => {
    const { sent, outcome } = relay("whole", START, delta("a"));
    expect(await outcome).toMatchObject({ code: "backend_error", status: 502 });
    expect(sent.text).toBe("");
  });

  it("are not waited for behind more events than a whole answer can come from", async () => {
    const ping = `data: ${JSON.stringify({ type: "ping", padding: "x".repeat(900_000) })}\n\n`;
    const { sent, outcome } = relay("whole", START, ...Array.from({ length: 40 }, () => ping), delta("a"), STOP);
    expect(await outcome).toEqual({ code: "backend_error", status: 502, progress: "processed" });
    expect(sent.text).toBe("");
  });

  it("travel in frames of one kind each", async () => {
    const { sent, outcome } = relay("interactive", START + delta("a") + delta("b"), delta("c") + STOP);
    expect(await outcome).toBe("relayed");
    expect(sent).toEqual({
      text: START + delta("a") + delta("b") + delta("c") + STOP,
      final: true,
      holds: ["preamble", "content", "content"],
    });
  });

  it("wait for credit when they are an error, as any others", async () => {
    const window = delta("x".repeat(LIMITS.initialCreditBytes));
    const { sent, sender, outcome } = relay("interactive", `${window}${FAILURE}`);
    let over = false;
    void outcome.then(() => {
      over = true;
    });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(over).toBe(false);
    expect(sent.text).toBe(window);
    sender.grant(2 * LIMITS.initialCreditBytes);
    expect(await outcome).toMatchObject({ code: "capacity" });
    expect(sent.text).toBe(window + FAILURE);
  });
});

describe.each(STREAM_FIXTURES)("the stream of $what ($dialect)", ({ dialect, text, usage, tokens, end }) => {
  const bytes = Buffer.from(text);
  // Behind an error, and behind the end of a stream with named events, nothing goes further.
  const isLast = end.type === "answer" && (dialect === "chat_completions" || dialect === "completions");
  const expected = isLast ? text : text.replace(/data: \[DONE\]\n\n$/, "");
  const told = end.type === "answer" ? "relayed" : expect.objectContaining({ status: end.status });
  const inParts = (size: number): Uint8Array[] =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );

  it.each([1, 7, 61, 100_000])("goes on as it came, in parts of %d bytes, with its counts", async (size) => {
    const { sent, scan, outcome } = relayOf(dialect, "interactive", inParts(size));
    expect(await outcome).toEqual(told);
    expect(sent).toMatchObject({ text: expected, final: end.type === "answer" });
    expect(scan.usage).toEqual(usage);
    const kinds = sent.holds.filter((kind, index) => kind !== sent.holds[index - 1]);
    expect(kinds.indexOf("preamble")).toBeLessThanOrEqual(0);
  });

  it.each([1, 7, 61, 100_000])("comes to one answer, or to an error, in parts of %d bytes", async (size) => {
    const { sent, scan, outcome } = relayOf(dialect, "whole", inParts(size));
    expect(await outcome).toEqual(told);
    expect(scan.usage).toEqual(usage);
    expect(scan.tokens).toBe(tokens);
    const body = end.type === "error" ? "" : typeof end.body === "string" ? end.body : JSON.stringify(end.body);
    expect(sent).toMatchObject({ text: body, final: end.type === "answer" });
  });
});

describe("a chat that ends without the blank line of its finish", () => {
  const said = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n';
  const finish = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}';
  const partsOf = (text: string) => [Buffer.from(text)];

  it.each(["", "\n", "\r\n"])("is whole: %j", async (end) => {
    const { sent, outcome } = relayOf("chat_completions", "interactive", partsOf(said + finish + end));
    expect(await outcome).toBe("relayed");
    expect(sent.final).toBe(true);
    expect(sent.text).toContain('"finish_reason":"length"');
    const folded = relayOf("chat_completions", "whole", partsOf(said + finish + end));
    expect(await folded.outcome).toBe("relayed");
    expect(JSON.parse(folded.sent.text)).toMatchObject({ choices: [{ finish_reason: "length" }] });
  });

  it.each(["interactive", "whole"] as const)("is cut off where the finish itself is: %s", async (delivery) => {
    const { outcome } = relayOf("chat_completions", delivery, partsOf(said + finish.slice(0, -3)));
    expect(await outcome).toMatchObject({ status: 502 });
  });
});

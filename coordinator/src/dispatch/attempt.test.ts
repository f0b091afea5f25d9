import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { grammarOf } from "@hearth/dialects";
import { STREAM_FIXTURES } from "@hearth/dialects/fixtures";
import type { ResponseOpener } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { type AttemptId, type CloseReason, type DataFrame, LIMITS, type ProviderId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { ConfirmedCancel } from "../fleet/provider-link.js";
import { ProviderAttempt } from "./attempt.js";
import type { AttemptEnd, DigestFault } from "./attempt-deps.js";
import { failureOfStatus, PROTOCOL_VIOLATION } from "./failures.js";
import type { OutboundForm } from "./outbound-request.js";

const readAny: OutboundForm["readEvent"] = (data) => ({
  kind: data.trim().length > 2 ? "content" : "preamble",
  parsed: JSON.parse(data),
  finishes: true,
  generates: true,
});

function setUp(readEvent = readAny, body = new Uint8Array()) {
  const violations: CloseReason[] = [];
  const faults: DigestFault[] = [];
  const ends: AttemptEnd[] = [];
  const retractions: string[] = [];
  const unopened: string[] = [];
  const confirmed: ConfirmedCancel[] = [];
  const contents: boolean[] = [];
  const opener: ResponseOpener = { open: (ciphertext) => ciphertext, finished: true };
  const attempt = new ProviderAttempt({
    id: "att" as AttemptId,
    provider: "p" as ProviderId,
    form: {
      dialect: "chat_completions",
      format: "events",
      body,
      readEvent,
    },
    opener,
    receipts: undefined,
    answerTokens: undefined,
    usageClamped() {},
    clock: new FakeClock(),
    working() {},
    content: (first) => contents.push(first),
    ended: (end) => ends.push(end),
    unopened: () => unopened.push("unopened"),
    violated: (reason) => violations.push(reason),
    undigested: (fault) => faults.push(fault),
    cancelConfirmed: (told) => confirmed.push(told),
    retracted: () => retractions.push("retracted"),
  });
  return { attempt, opener, body, violations, faults, ends, retractions, unopened, confirmed, contents };
}

/** An event of this many bytes. */
const sized = (bytes: number): Buffer => Buffer.from(`data:"${"x".repeat(bytes - 9)}"\n\n`);

/** Sends bytes as an agent does: in small frames, for as long as there is credit. */
class Sender {
  grantedBytes = 0;
  sentBytes = 0;
  readonly #attempt: ProviderAttempt;

  constructor(attempt: ProviderAttempt) {
    this.#attempt = attempt;
    attempt.attach({ grant: (bytes) => (this.grantedBytes += bytes), cancel() {} });
  }

  send(bytes: Buffer): void {
    const until = this.sentBytes + bytes.length;
    while (this.sentBytes < until && this.sentBytes < LIMITS.initialCreditBytes + this.grantedBytes) {
      const from = bytes.length - (until - this.sentBytes);
      const part = bytes.subarray(from, from + LIMITS.responseChunkBytes);
      this.sentBytes += part.length;
      this.#attempt.data(frame(part, false));
    }
  }
}

function frame(ciphertext: Uint8Array, final: boolean): DataFrame {
  return { kind: "response", stream: 1, seq: 0, final, holds: "content", ciphertext };
}

it("tells when its provider could not open what it was sent, so that another context is made", () => {
  const { attempt, unopened, ends } = setUp();
  attempt.failed({ type: "error", stream: 1, code: "decryption_failed", progress: "not_started" });
  expect(unopened).toHaveLength(1);
  expect(ends).toMatchObject([{ type: "failed", failure: { retryable: true } }]);
  const other = setUp();
  other.attempt.failed({ type: "error", stream: 1, code: "backend_error", progress: "processed" });
  expect(other.unopened).toEqual([]);
});

it("does not hold more events for a consumer than their bytes are worth", () => {
  const { attempt, violations, ends } = setUp();
  attempt.data(frame(Buffer.from("data:{}\n\n".repeat(100_000)), false));
  expect(ends).toEqual([{ type: "failed", failure: PROTOCOL_VIOLATION, afterContent: false }]);
  expect(violations).toEqual([]);
});

it("takes no frame without a byte, which no credit bounds, but as the last one", () => {
  const empty = setUp();
  empty.attempt.data(frame(new Uint8Array(), false));
  expect(empty.ends).toEqual([{ type: "failed", failure: PROTOCOL_VIOLATION, afterContent: false }]);
  expect(empty.violations).toEqual([]);
  const last = setUp();
  last.attempt.data(frame(new Uint8Array(), true));
  expect(last.ends).toEqual([]);
});

describe("an event that is larger than the credit", () => {
  const SIZE = 5 * 2 ** 20;

  it("comes whole, told by signs of life until then, and its bytes are granted once", async () => {
    const { attempt, ends } = setUp();
    const sender = new Sender(attempt);
    sender.send(sized(SIZE));
    expect(sender.sentBytes).toBe(LIMITS.initialCreditBytes);
    const seen: string[] = [];
    for await (const event of attempt) {
      seen.push(event.type);
      if (event.type === "content") {
        expect(event.chunks[0]?.bytes.length).toBe(SIZE);
        break;
      }
      sender.send(sized(SIZE).subarray(sender.sentBytes));
    }
    expect(seen.slice(0, -1).every((type) => type === "working")).toBe(true);
    expect(seen.length).toBeGreaterThan(1);
    expect(SIZE - sender.grantedBytes).toBeLessThan(LIMITS.initialCreditBytes);
    expect(sender.grantedBytes).toBeLessThanOrEqual(SIZE);
    expect(ends).toEqual([]);
  });

  it("waits for its credit behind one that nobody takes", async () => {
    const { attempt } = setUp();
    const sender = new Sender(attempt);
    const events = attempt[Symbol.asyncIterator]();
    const both = Buffer.concat([sized(SIZE), sized(SIZE)]);
    const rest = (): Buffer => both.subarray(sender.sentBytes);
    while (sender.sentBytes < SIZE) {
      sender.send(rest());
      if (sender.sentBytes < SIZE) await events.next();
    }
    sender.send(rest());
    expect(sender.sentBytes).toBeLessThanOrEqual(SIZE + LIMITS.initialCreditBytes);
    let taken = await events.next();
    while (taken.value?.type === "working") taken = await events.next();
    expect(taken.value?.type).toBe("content");
    while (sender.sentBytes < both.length) {
      sender.send(rest());
      await events.next();
    }
  });

  it("is its provider's fault where it is larger than one may be, or never ends", () => {
    const { attempt, ends } = setUp();
    for (let sent = 0; sent <= LIMITS.responseEventBytes && ends.length === 0; sent += LIMITS.responseChunkBytes) {
      attempt.data(frame(Buffer.alloc(LIMITS.responseChunkBytes, "x"), false));
      void attempt[Symbol.asyncIterator]().next();
    }
    expect(ends).toMatchObject([{ type: "failed", failure: PROTOCOL_VIOLATION }]);
    const endless = setUp();
    endless.attempt.data(frame(Buffer.from("data:{}"), true));
    expect(endless.ends).toMatchObject([{ type: "failed", failure: PROTOCOL_VIOLATION }]);
  });
});

describe("the end of an attempt, for its lease and its record", () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  const content = frame(Buffer.from('data:{"a":1}\n\n'), false);
  const error = { type: "error", stream: 1, code: "backend_error", progress: "processed" } as const;

  it.each([
    ["a failure", { ...error, progress: "processed" }, "processed"],
    ["a refusal", { ...error, status: 400, progress: "refused" }, "refused"],
    ["no room", { ...error, code: "capacity", progress: "not_started" }, "not_started"],
    ["a model that has gone", { ...error, code: "model_not_found", progress: "not_started" }, "not_started"],
    ["what could not be opened", { ...error, code: "decryption_failed", progress: "not_started" }, "not_started"],
    ["nobody behind it", { ...error, code: "backend_unreachable", progress: "not_started" }, "not_started"],
    ["a stall", { ...error, code: "backend_stalled", progress: "processed" }, "processed"],
    ["our own fault", { ...error, code: "internal", progress: "processed" }, "processed"],
    ["a cancel of its own", { ...error, code: "cancelled", progress: "processed" }, "processed"],
  ] as const)("tells what was spent and how far it got after %s", (_name, told, progress) => {
    const { attempt, ends } = setUp();
    attempt.failed({ ...told, usage });
    expect(ends).toMatchObject([{ type: "failed", failure: { progress }, afterContent: false, usage }]);
    const silent = setUp();
    silent.attempt.failed(told);
    expect(silent.ends[0]).not.toHaveProperty("usage");
  });

  it("does not call that content of which it has only heard: nobody was shown any", () => {
    const { attempt, ends, contents } = setUp();
    attempt.working("generating", 7, "request");
    attempt.failed({ ...error, usage });
    expect(contents).toEqual([true]);
    expect(ends).toMatchObject([{ failure: { progress: "processed" }, afterContent: false, usage }]);
  });

  it("calls nothing a refusal that comes behind content", () => {
    const { attempt, ends } = setUp();
    attempt.data(content);
    attempt.failed({ ...error, status: 429, progress: "refused", usage });
    expect(ends).toMatchObject([{ failure: { progress: "processed" }, afterContent: true, usage }]);
  });

  it("believes no more tokens than can be", () => {
    const { attempt, ends } = setUp();
    attempt.failed({ ...error, usage: { prompt_tokens: 1e9, completion_tokens: 1e9 } });
    expect(ends).toMatchObject([{ usage: { prompt_tokens: 16_384, completion_tokens: 256 } }]);
  });

  it("tells that work was done when the connection goes, what came is wrong, or the end is missing", () => {
    const lost = setUp();
    lost.attempt.lost();
    const wrong = setUp();
    wrong.attempt.data(frame(new Uint8Array(), false));
    const cut = setUp();
    cut.attempt.complete(usage);
    for (const { ends } of [lost, wrong, cut]) {
      expect(ends).toMatchObject([{ type: "failed", failure: { progress: "processed" } }]);
    }
    expect(cut.ends).toMatchObject([{ usage }]);
  });

  it("tells a cancel's reason, and what is known to have been done by then", () => {
    const [idle, loading, prefilling, generating] = [setUp(), setUp(), setUp(), setUp()];
    loading.attempt.working("loading", 1);
    prefilling.attempt.working("prefilling", 1);
    generating.attempt.working("generating", 12);
    const streaming = setUp();
    streaming.attempt.data(content);
    const liar = setUp();
    liar.attempt.working("generating", 1e9);
    const endOf = ({ attempt, ends }: ReturnType<typeof setUp>): AttemptEnd | undefined => {
      attempt.cancel("lost_race");
      return ends[0];
    };
    const cancelled = { type: "cancelled", reason: "lost_race" } as const;
    for (const untouched of [idle, loading]) {
      const moved = untouched === loading;
      expect(endOf(untouched)).toEqual({ ...cancelled, progress: "not_started", moved, generatedTokens: 0 });
    }
    for (const begun of [prefilling, streaming]) {
      const moved = begun === prefilling;
      expect(endOf(begun)).toEqual({ ...cancelled, progress: "processed", moved, generatedTokens: 0 });
    }
    const worked = { ...cancelled, progress: "processed", moved: true };
    expect(endOf(generating)).toEqual({ ...worked, generatedTokens: 12 });
    expect(endOf(liar)).toEqual({ ...worked, generatedTokens: 256 });
  });
});

it("passes on that its cancel was confirmed, and ends only once", () => {
  const { attempt, confirmed, ends } = setUp();
  const told: ConfirmedCancel = { ended: "error", spent: { prompt_tokens: 7, completion_tokens: 3 }, clamped: [] };
  attempt.cancel("lost_race");
  attempt.cancelConfirmed(told);
  expect(confirmed).toEqual([told]);
  expect(ends).toHaveLength(1);
});

it("tells of signs of life whose counter has moved, and holds only the newest", async () => {
  const { attempt } = setUp();
  const events = attempt[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => (await events.next()).value;
  for (let i = 0; i < 3; i++) attempt.working("loading", 7);
  expect(await next()).toEqual({ type: "working", sign: "loading", counter: 7, scope: "request" });
  attempt.working("loading", 7);
  for (let i = 0; i < 1_000; i++) attempt.working("loading", i);
  attempt.working("prefilling", 0);
  attempt.data(frame(Buffer.from("data:{}\n\n"), false));
  expect(await next()).toEqual({ type: "working", sign: "loading", counter: 999, scope: "request" });
  expect(await next()).toEqual({ type: "working", sign: "prefilling", counter: 0, scope: "request" });
  expect(await next()).toMatchObject({ type: "preamble" });
});

it("holds one sign of each kind behind the content of a stream, where nobody may be reading", async () => {
  const { attempt } = setUp();
  attempt.data(frame(Buffer.from('data: {"a":1}\n\n'), false));
  for (let i = 0; i < 1_000; i++) attempt.working(i % 2 === 0 ? "loading" : "queued", i);
  attempt.lost();
  const types: string[] = [];
  for await (const { type } of attempt) types.push(type);
  expect(types).toEqual(["content", "working", "working", "failed"]);
});

it("counts the first sign of generating as the first content, and says nothing after the end", () => {
  const { attempt, contents, ends } = setUp();
  attempt.working("generating", 1);
  attempt.working("generating", 5);
  expect(contents).toEqual([true]);
  attempt.cancel("consumer_gone");
  attempt.working("generating", 9);
  expect(ends).toHaveLength(1);
});

it("ends as a fault of its own, and closes nothing, when our code throws over its bytes", () => {
  const { attempt, violations, faults, ends } = setUp();
  attempt.data(frame(Buffer.from("data: {nope\n\n"), false));
  expect(ends).toEqual([{ type: "failed", failure: PROTOCOL_VIOLATION, afterContent: false }]);
  expect(faults).toMatchObject([{ what: "data", sizeBytes: 13 }]);
  expect(violations).toEqual([]);
});

it("is told that the reply threw: one that goes on fails, one that had ended well takes that back", () => {
  const live = setUp();
  live.attempt.undigested(new Error("too deep"));
  expect(live.ends).toEqual([{ type: "failed", failure: PROTOCOL_VIOLATION, afterContent: false }]);
  expect(live.retractions).toEqual([]);
  const done = setUp();
  done.attempt.data(frame(Buffer.from('data: {"a":1}\n\n'), true));
  done.attempt.complete({ prompt_tokens: 1, completion_tokens: 1 });
  done.attempt.undigested(new Error("too deep"));
  expect(done.ends).toMatchObject([{ type: "completed" }]);
  expect(done.retractions).toEqual(["retracted"]);
  expect(done.faults).toMatchObject([{ what: "reply", sizeBytes: 15 }]);
});

it("passes over a byte order mark and events without words", async () => {
  const { attempt } = setUp();
  attempt.data(frame(Buffer.from("\ufeff:\n\n\n\ndata:\n\ndata: {}\n\n"), false));
  const events = attempt[Symbol.asyncIterator]();
  const bare = { type: "working", sign: "prefilling", scope: "server" };
  expect((await events.next()).value).toMatchObject(bare);
  expect((await events.next()).value).toMatchObject({ type: "preamble", chunk: { parsed: {} } });
});

it("tells by a comment with a counter how far this request is, and by a bare one that somebody is there", async () => {
  const { attempt } = setUp();
  attempt.data(frame(Buffer.from(": keepalive 2048/60000\n\n"), false));
  attempt.data(frame(Buffer.from(": keepalive 2048/60000\n\n"), false));
  attempt.data(frame(Buffer.from(": ping\n\n"), false));
  for (const other of [": keepalive 5/3", ": ping 2/3"]) attempt.data(frame(Buffer.from(`${other}\n\n`), false));
  attempt.lost();
  const told: unknown[] = [];
  for await (const event of attempt) if (event.type === "working") told.push(event);
  expect(told).toEqual([
    { type: "working", sign: "prefilling", counter: 2048, scope: "request" },
    { type: "working", sign: "prefilling", counter: 3, scope: "server" },
  ]);
});

it("marks a preamble that says the same again, but for when and how far", async () => {
  const quiet = setUp((data) => ({ kind: "preamble", parsed: JSON.parse(data) })).attempt;
  for (const created of [1, 2]) quiet.data(frame(Buffer.from(`data:{"id":"x","created":${created}}\n\n`), false));
  quiet.data(frame(Buffer.from('data:{"id":"y","created":2}\n\n'), false));
  quiet.lost();
  const repeats: unknown[] = [];
  for await (const event of quiet) if (event.type === "preamble") repeats.push(event.repeats === true);
  expect(repeats).toEqual([false, true, false]);
});

describe("the words of a refusal", () => {
  it.each([
    ['{"error":{"message":"no"}}', { message: "no" }],
    ['{"object":"error","message":"no","code":400}', { object: "error", message: "no", code: 400 }],
    ['{"detail":[{"msg":"no"}]}', { message: "no" }],
    ["<html>", undefined],
  ])("are read from %s", (body, upstreamError) => {
    const { attempt, ends } = setUp();
    const sealed_body = Buffer.from(body).toString("base64url");
    attempt.failed({ type: "error", stream: 1, code: "backend_error", status: 400, progress: "refused", sealed_body });
    expect(ends).toMatchObject([{ failure: { code: "rejected", status: 400 } }]);
    const failure = ends[0]?.type === "failed" ? ends[0].failure : undefined;
    expect(failure?.upstreamError).toEqual(upstreamError);
  });
});

describe("what is held until a cancel is confirmed", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const watched = () => {
    const { attempt, confirmed, opener, body } = setUp();
    return { attempt, confirmed, held: [new WeakRef(opener), new WeakRef(body)] };
  };

  it.each(["cancelled by us", "given up for what it said"])(
    "is nothing of the request, where it was %s",
    async (how) => {
      const { attempt, confirmed, held } = watched();
      attempt.data(frame(Buffer.from("data: {}\n\n"), false));
      if (how === "cancelled by us") attempt.cancel("lost_race");
      else attempt.data(frame(new Uint8Array(), false));
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      expect(held.map((each) => each.deref())).toEqual([undefined, undefined]);
      attempt.cancelConfirmed({ ended: "error", spent: undefined, clamped: [] });
      expect(confirmed).toHaveLength(1);
    },
  );
});

describe.each(STREAM_FIXTURES)("the stream of $what ($dialect)", ({ dialect, text, tokens, usage, end }) => {
  it("ends the attempt as it says, and tells of its content", () => {
    const { attempt, ends, contents, faults } = setUp(grammarOf(dialect).read);
    // Behind the end of a stream with named events an agent sends nothing.
    const isNamed = dialect === "messages" || dialect === "responses";
    attempt.data(frame(Buffer.from(isNamed ? text.replace(/data: \[DONE\]\n\n$/, "") : text), true));
    attempt.complete(usage);
    if (end.type === "answer") expect(ends).toMatchObject([{ type: "completed" }]);
    else {
      const failure = failureOfStatus(end.status, end.error);
      const progress = tokens > 0 ? "processed" : failure.progress;
      expect(ends).toMatchObject([{ type: "failed", failure: { ...failure, progress }, afterContent: tokens > 0 }]);
    }
    expect(contents).toEqual(end.type === "answer" || tokens > 0 ? [true] : []);
    expect(faults).toEqual([]);
  });
});

it("marks what may be the request said again, four times its size and no more", async () => {
  const { attempt } = setUp(undefined, new Uint8Array(10));
  for (const said of ["{}", "[]", "10"]) attempt.data(frame(Buffer.from(`data: ${said}${" ".repeat(8)}\n\n`), false));
  attempt.lost();
  const echoed: (number | undefined)[] = [];
  for await (const event of attempt) if (event.type === "preamble") echoed.push(event.echoedBytes);
  expect(echoed).toEqual([18, 18, 4]);
});

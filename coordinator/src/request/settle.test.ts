import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import type { AttemptEnd } from "../dispatch/attempt-deps.js";
import { ContentTimes } from "../dispatch/content-times.js";
import { CONNECTION_LOST } from "../dispatch/failures.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import { DEFAULT_PRICES, PriceList, type Quote } from "../ledger/price-list.js";
import { HearthError } from "../platform/errors.js";
import type { RequestUsage } from "../store/usage-store.js";
import { fakePicked, fakeRecord, fakeSent, USAGE, watchedLease } from "../testing/request-fakes.js";
import { Payment, type Reserved, type Terms } from "./payment.js";
import type { RequestRecord } from "./request-record.js";
import { type SettleDeps, settle } from "./settle.js";

const COMPLETED: AttemptEnd = { type: "completed", usage: USAGE };
const cancelled = (generatedTokens: number): AttemptEnd => ({
  type: "cancelled",
  reason: "lost_race",
  progress: "processed",
  moved: true,
  generatedTokens,
});
const success = (attempt: SentAttempt): Outcome<SentAttempt> => ({ type: "success", attempt, usage: USAGE });
const failed = (error: HearthError, committed = false): Outcome<SentAttempt> => ({ type: "failed", committed, error });

const PROOF = { hash: "h", signed: { blob: "b", signature: "s" }, verifier: { publicKey: "k" } };
const ATTESTED = { id: "prv", proven: { proof: PROOF } };

/** Closes the books, and tells what was written into them. */
function settled(record: RequestRecord, outcome: Outcome<SentAttempt>) {
  const books: string[] = [];
  const text = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
  const write = (line: string) => (told: object) => void books.push(`${line} ${JSON.stringify(told, text)}`);
  const clock = new FakeClock();
  clock.advance(1_002);
  const durations: number[] = [];
  const used: RequestUsage[] = [];
  const deps = {
    clock,
    hooks: {
      ended(result: string, durationMs: number) {
        books.push(`request ${result}`);
        durations.push(durationMs);
      },
      tokens: (kind: string, count: number) => books.push(`${kind} ${count}`),
    },
    receipts: { keep: write("receipt") },
    usage: { keep: (usage: RequestUsage) => void used.push(usage) },
    knownModels: { answered: (_link: unknown, model: string) => books.push(`known ${model}`) },
    calibration: { learn: write("calibration") },
  };
  if (outcome.type === "success") record.first.answered(outcome);
  const lines: Record<string, unknown>[] = [];
  const log = { info: (fields: Record<string, unknown>) => lines.push(fields) };
  settle({ ...deps, log } as unknown as SettleDeps, record, outcome);
  return { books, line: lines[0], lines, durations, used };
}

describe("the books", () => {
  it("are closed once: each lease is judged, and the log has one line", () => {
    const { record } = fakeRecord();
    record.first.takeSlot();
    const [lost, won] = [watchedLease(), watchedLease()];
    const winner = fakeSent({ end: COMPLETED, lease: won });
    record.first.add(fakeSent({ end: { type: "failed", failure: CONNECTION_LOST, afterContent: false }, lease: lost }));
    record.first.add(winner);
    const { lines, durations } = settled(record, success(winner));
    expect([lost.verdicts, won.verdicts]).toEqual([
      [{ confirmed: true, connectionLost: true, afterContent: false }],
      ["success"],
    ]);
    expect(lines).toMatchObject([{ result: "success", durationMs: 1_000, usage: USAGE }]);
    expect(durations).toEqual([1_000]);
  });

  it("hold an answer's tokens, its receipt, and that its machine has the model", () => {
    const { record } = fakeRecord();
    const receipt = Promise.resolve(undefined);
    const winner = fakeSent({ end: COMPLETED, attempt: { receipt, clamped: ["completion"] }, link: ATTESTED });
    record.first.add(winner);
    const attestation = '{"hash":"h","blob":"b","signature":"s","identityKey":"k"}';
    expect(settled(record, success(winner)).books).toEqual([
      "prompt 7",
      "completion 3",
      "known m",
      'calibration {"model":"m","provider":"p","raw":5,"reported":7}',
      `receipt {"requestId":"req","account":"anna","providerId":"prv","attestation":${attestation},"word":{"counted":{"usage":${JSON.stringify(USAGE)},"clamped":["completion"]}}}`,
      "request success",
    ]);
    expect(record.trailers).toEqual([{ requestId: "req", receipt }]);
  });

  it("tell with each receipt what its answer costs the consumer: together what is charged", () => {
    const models = new Map([["m", [{ fromMs: 0, input: 1_000_000n, output: 2_000_000n, cachedInput: 0n }]]]);
    const quote = new PriceList({ ...DEFAULT_PRICES, models }).at(0)?.quote(["m"], () => []) as Quote;
    const costs = (payment?: Payment): unknown => {
      const { record } = fakeRecord({ quote, ...(payment && { payment }) });
      const attempts = ["a", "b"].map((id) =>
        fakeSent({ id, end: COMPLETED, link: ATTESTED, attempt: { receipt: Promise.resolve(undefined), clamped: [] } }),
      );
      const [first, second] = attempts as [SentAttempt, SentAttempt];
      record.first.add(first);
      const choice = record.choose(fakePicked(watchedLease()));
      choice.add(second);
      choice.answered({ type: "success", attempt: second, usage: USAGE });
      const receipts = settled(record, success(first)).books.filter((line) => line.startsWith("receipt"));
      return [record.cost, receipts.map((line) => /"cost":"?(\d+)/.exec(line)?.[1])];
    };
    expect(costs()).toEqual([19n, ["13", "6"]]);
    const reservation = { max: 15n, post: async () => {} } as unknown as Reserved;
    const terms = { mostLoss: 100n } as Terms;
    expect(costs(new Payment(reservation, terms, { ended: () => {}, failed: () => {} }))).toEqual([15n, ["13", "2"]]);
  });

  it("hold no receipt of a machine that does not attest", () => {
    const { record } = fakeRecord();
    const winner = fakeSent({ end: COMPLETED, attempt: { receipt: Promise.resolve(undefined), clamped: [] } });
    record.first.add(winner);
    expect(settled(record, success(winner)).books.filter((line) => line.startsWith("receipt"))).toEqual([]);
  });

  it("learn nothing of tokens from a request with pictures", () => {
    const { record } = fakeRecord({ request: { needs: { tools: false, vision: true } } });
    const winner = fakeSent({ end: COMPLETED });
    record.first.add(winner);
    const { books } = settled(record, success(winner));
    expect(books.filter((line) => line.startsWith("calibration"))).toEqual([]);
    expect(record.trailers).toEqual([]);
  });

  it("give a slot back that nobody has used", () => {
    const { record, slot } = fakeRecord();
    settled(record, { type: "cancelled", committed: false, reason: "consumer_gone" });
    expect([slot.disposed, slot.verdicts]).toEqual([1, ["neutral"]]);
    expect(record.first.takeSlot()).toBeUndefined();
  });

  it("leave a slot alone that an attempt has taken", () => {
    const { record, slot } = fakeRecord();
    record.first.takeSlot();
    settled(record, { type: "cancelled", committed: false, reason: "consumer_gone" });
    expect([slot.disposed, slot.verdicts]).toEqual([0, []]);
  });
});

describe("the record of usage", () => {
  it("is kept once, with who asked, who answered and what it came to", () => {
    const { record } = fakeRecord({
      request: { stream: true, messageCount: 3 },
      times: { arrivedAt: 2, parsedAt: 3, admittedAt: 4 },
    });
    const failed = fakeSent({
      end: { type: "failed", failure: CONNECTION_LOST, afterContent: false },
      attempt: { startedAt: 0 },
    });
    const winner = fakeSent({ end: COMPLETED, role: "retry", attempt: { startedAt: 0 } });
    record.first.add(failed);
    record.first.add(winner);
    record.first.committed(winner, 502);
    const { used } = settled(record, success(winner));
    expect(used).toHaveLength(1);
    const [usage] = used;
    expect(usage).toMatchObject({
      requestId: "req",
      account: "anna",
      keyId: "key_1",
      modelAsked: "m",
      model: "m",
      providerId: "p",
      outcome: "success",
      promptTokens: 7,
      completionTokens: 3,
      estimated: false,
      costMicroUsd: 0,
      durationMs: 1_000,
      firstContentMs: 500,
    });
    expect(JSON.parse(usage?.facts ?? "")).toEqual({
      stream: true,
      shape: "base",
      messages: 3,
      queued_ms: 0,
      attempts: [
        { provider: "p", model: "m", role: "primary", ms: 1, end: "failed", code: "connection_lost", status: 502 },
        { provider: "p", model: "m", role: "retry", ms: 1, end: "completed" },
      ],
    });
  });

  it("says when the content came that its consumer was given, and nothing of a loser's", () => {
    const { record } = fakeRecord();
    const [lost, won] = [new ContentTimes(), new ContentTimes()];
    for (const at of [1, 2, 3]) lost.came(at);
    for (const at of [10, 30, 50, 150]) won.came(at);
    const winner = fakeSent({ end: COMPLETED, attempt: { progress: { contentTimes: won } } });
    record.first.add(fakeSent({ end: cancelled(3), attempt: { progress: { contentTimes: lost } } }));
    record.first.add(winner);
    record.first.committed(winner, 10);
    const { used } = settled(record, success(winner));
    expect(JSON.parse(used[0]?.facts ?? "")).toMatchObject({
      chunks: { count: 4, ms: 140, p50_gap_ms: 22, max_gap_ms: 100 },
    });
  });

  it("tells of one that was called off that nobody answered", () => {
    const { record } = fakeRecord();
    const { used } = settled(record, { type: "cancelled", committed: false, reason: "consumer_gone" });
    expect(used).toMatchObject([{ outcome: "cancelled", model: "", providerId: "", firstContentMs: undefined }]);
    expect(JSON.parse(used[0]?.facts ?? "")).toMatchObject({ reason: "consumer_gone", attempts: [] });
  });
});

describe("the line in the log", () => {
  it("tells what the answer has cost where anything has a price, and so does the record", () => {
    const models = new Map([["m", [{ fromMs: 0, input: 1_000_000n, output: 2_000_000n, cachedInput: 0n }]]]);
    const quote = new PriceList({ ...DEFAULT_PRICES, models }).at(0)?.quote(["m"], () => []) as Quote;
    const { record } = fakeRecord({ quote });
    const winner = fakeSent({ end: COMPLETED });
    record.first.add(winner);
    expect(record.cost).toBeUndefined();
    expect(settled(record, success(winner)).line).toMatchObject({ costMicroUsd: 13 });
    expect(record.cost).toBe(13n);
    const free = fakeRecord();
    expect(settled(free.record, success(fakeSent({ end: COMPLETED }))).line).not.toHaveProperty("costMicroUsd");
  });

  it("tells what was begun and thrown away", () => {
    const { record } = fakeRecord();
    const winner = fakeSent({ end: COMPLETED });
    record.first.add(fakeSent({ end: cancelled(12) }));
    record.first.add(fakeSent({ end: { type: "failed", failure: CONNECTION_LOST, afterContent: true, usage: USAGE } }));
    record.first.add(fakeSent({ end: { type: "failed", failure: CONNECTION_LOST, afterContent: false } }));
    record.first.add(winner);
    expect(settled(record, success(winner)).line).toMatchObject({ abandoned: { attempts: 3, tokens: 15 } });
    const { record: clean } = fakeRecord();
    clean.first.add(winner);
    expect(settled(clean, success(winner)).line).not.toHaveProperty("abandoned");
  });

  it.each([
    ["failure", failed(new HearthError("provider_error", "No.", { status: 502 }))],
    ["in_band_error", failed(new HearthError("provider_error", "No.", { status: 502 }), true)],
  ])("tells a %s by its code and status, without a fault of ours", (result, outcome) => {
    const { line, books } = settled(fakeRecord().record, outcome);
    expect(line).toMatchObject({ result, code: "provider_error", status: 502, fault: undefined });
    expect(books).toEqual([`request ${result}`]);
  });

  it("tells of our own failures what there is to look into", () => {
    const cause = new TypeError("undefined is not a function");
    const outcome = failed(new HearthError("internal", "Failed.", { cause }));
    expect(settled(fakeRecord().record, outcome).line?.["fault"]).toBeDefined();
  });

  it("tells why a request was cancelled", () => {
    const outcome = { type: "cancelled", committed: true, reason: "shutdown" } as const;
    expect(settled(fakeRecord().record, outcome).line).toMatchObject({ result: "cancelled", reason: "shutdown" });
  });
});

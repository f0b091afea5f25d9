import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReserveOutcome, ReserveRequest } from "../ledger/ledger.js";
import { DEFAULT_PRICES, PriceList, type Quote } from "../ledger/price-list.js";
import type { ExtendOutcome, Reservation, WorkPart } from "../ledger/reservation.js";
import { createLogger } from "../platform/logger.js";
import { fakeTraits } from "../testing/fake-provider.js";
import type { Caller } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import type { PaidWork, Payment, Reserved } from "./payment.js";
import type { PaymentSettings } from "./payment-settings.js";
import { type Payable, Payments } from "./payments.js";

// Micro-USD a token: 1 read, 2 written.
const PRICE = { fromMs: 0, input: 1_000_000n, output: 2_000_000n, cachedInput: 0n };
const TARIFF = new PriceList({ ...DEFAULT_PRICES, models: new Map([["m", [PRICE]]]) }).at(0);
const quoteOf = (build: string): Quote | undefined => TARIFF?.quote([build], () => []);
const SETTINGS = { sliceTokens: 100, promptFactor: 2, watchMs: 1_000, mostLossMicroUsd: 0 };
const PART = { payer: "consumer", gross: 5n } as WorkPart;

let clock: FakeClock;
let told: string[];
let answers: (ReserveOutcome["type"] | ExtendOutcome["type"] | "budget" | "broken")[];
let payments: Payments;
let posted: readonly WorkPart[];
let settings: PaymentSettings;
/** What extensions wait for. */
let slow: Promise<void>;

/** A ledger that answers as it is told to, and tells what it was asked. */
const ledger = {
  async reserve({ id, max }: ReserveRequest): Promise<ReserveOutcome> {
    told.push(`reserve ${id} ${max}`);
    const answer = answers.shift() ?? "reserved";
    if (answer === "reserved") return { type: "reserved", reservation: reservationOf(max) };
    return refusal(answer);
  },
};

function refusal(answer: string) {
  if (answer === "away") return { type: "away" } as const;
  return { type: "insufficient", limitedBy: answer === "budget" ? "budget" : "balance", available: 7n } as const;
}

function reservationOf(first: bigint): Reservation {
  let max = first;
  const reservation: Reserved = {
    get max() {
      return max;
    },
    async extendTo(next, used) {
      told.push(`extend ${next} used ${used.length}`);
      const answer = answers.shift() ?? "extended";
      await slow;
      if (answer === "broken") throw new Error("The database refuses.");
      if (answer !== "extended" && answer !== "on_credit") return refusal(answer);
      max = next;
      return { type: answer };
    },
    async post(parts) {
      told.push(`post ${parts.length}`);
      posted = parts;
      return { type: "posted", charged: 5n, lost: 0n };
    },
    async void() {
      told.push("void");
    },
  };
  return reservation as Reservation;
}

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  answers = [];
  slow = Promise.resolve();
  settings = SETTINGS;
  payments = new Payments({ clock, log: createLogger("silent"), ledger, settings: () => settings });
});

const payable = (request: Partial<InferenceRequest> = {}, more: Partial<Payable> = {}): Payable => ({
  request: { id: "req", delivery: "interactive", maxTokens: undefined, ...request } as InferenceRequest,
  caller: { account: "anna", route: "any", principal: { keyId: "k", payer: "anna", limits: {} } } as unknown as Caller,
  traits: { ...fakeTraits(), promptTokens: 10 },
  quote: quoteOf("m"),
  ...more,
});

async function paid(given: Payable = payable()): Promise<Payment> {
  const payment = await payments.reserve(given);
  if (payment === undefined) throw new Error("nothing to pay");
  return payment;
}

/** A request that has written so many tokens. */
const work = (writtenTokens: number): PaidWork & { writtenTokens: number } => ({
  writtenTokens,
  delivered: () => [PART],
});
const turns = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await Promise.resolve();
};

describe("what is set aside", () => {
  it.each([
    ["the prompt with a margin, and a slice of a stream", {}, 20n + 200n],
    ["no more of a stream than it may have", { maxTokens: 30 }, 20n + 60n],
    ["a slice of a stream that may have more", { maxTokens: 5_000 }, 20n + 200n],
    ["all that an answer that comes as a whole may have", { maxTokens: 5_000, delivery: "whole" }, 20n + 10_000n],
    ["a slice of a whole answer without a bound", { delivery: "whole" }, 20n + 200n],
    ["each of several answers", { maxTokens: 30, choices: 3 }, 20n + 180n],
    ["each of several inputs", { maxTokens: 0, delivery: "whole", promptTokens: 48, longestInputTokens: 16 }, 60n],
  ] as const)("is %s", async (_name, request, max) => {
    await paid(payable(request as Partial<InferenceRequest>));
    expect(told).toEqual([`reserve req ${max}`]);
  });

  it("is nothing where nothing has a price, and where only the caller's own machines may serve", async () => {
    const own = {
      account: "anna",
      route: "self",
      principal: { keyId: "k", payer: "anna", limits: {} },
    } as unknown as Caller;
    expect(await payments.reserve(payable({}, { quote: undefined }))).toBeUndefined();
    expect(await payments.reserve(payable({}, { caller: own }))).toBeUndefined();
    expect(await payments.reserve(payable({}, { quote: quoteOf("x") }))).toBeUndefined();
    expect(told).toEqual([]);
  });

  it.each([
    [
      "balance",
      "insufficient_quota",
      "The account's money does not reach for this request: up to $0.00022 has to be set",
    ],
    ["budget", "insufficient_quota", "The budget of this API key"],
    ["away", "service_unavailable", "again"],
  ] as const)("refuses the request where the answer is %s", async (answer, code, word) => {
    answers = [answer === "balance" ? "insufficient" : answer];
    await expect(payments.reserve(payable())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(word),
    });
  });
});

describe("a stream that is being written", () => {
  it("is paid further ahead when half of a slice is left of what was paid, and no sooner", async () => {
    const payment = await paid();
    const running = work(49);
    payment.follow(running, new AbortController().signal);
    clock.advance(1_000);
    expect(told).toHaveLength(1);
    running.writtenTokens = 50;
    clock.advance(1_000);
    expect(told.at(-1)).toBe(`extend ${20 + 400} used 1`);
    await turns();
    running.writtenTokens = 149;
    clock.advance(1_000);
    expect(told).toHaveLength(2);
    running.writtenTokens = 150;
    clock.advance(1_000);
    expect(told.at(-1)).toBe(`extend ${20 + 600} used 1`);
  });

  it("is paid no further than its bound", async () => {
    const payment = await paid(payable({ maxTokens: 150 }));
    const running = work(60);
    payment.follow(running, new AbortController().signal);
    clock.advance(1_000);
    await turns();
    expect(told.at(-1)).toBe(`extend ${20 + 300} used 1`);
    running.writtenTokens = 149;
    clock.advance(5_000);
    expect(told).toHaveLength(2);
  });

  it("gets what is paid for, and is called off only then", async () => {
    const payment = await paid();
    const running = work(60);
    const signal = payment.follow(running, new AbortController().signal);
    answers = ["insufficient", "insufficient"];
    clock.advance(1_000);
    await turns();
    expect([signal.aborted, payment.refusal]).toEqual([false, undefined]);
    running.writtenTokens = 100;
    clock.advance(1_000);
    await turns();
    expect(signal.aborted).toBe(true);
    expect(payment.refusal).toMatchObject({ code: "insufficient_quota" });
  });

  it("goes on while the store is away, and is called off when that lasts", async () => {
    const payment = await paid();
    const running = work(100);
    const signal = payment.follow(running, new AbortController().signal);
    answers = ["on_credit", "away", "away"];
    for (const tokens of [100, 199]) {
      running.writtenTokens = tokens;
      clock.advance(1_000);
      await turns();
    }
    expect([signal.aborted, payment.refusal]).toEqual([false, undefined]);
    running.writtenTokens = 200;
    clock.advance(1_000);
    await turns();
    expect(payment.refusal).toMatchObject({ code: "service_unavailable" });
  });

  it("asks a slow store once, for one slice beyond what is written, and again when that is answered", async () => {
    const payment = await paid();
    const running = work(60);
    const signal = payment.follow(running, new AbortController().signal);
    let answer = (): void => {};
    slow = new Promise((resolve) => {
      answer = resolve;
    });
    for (const tokens of [60, 99, 190]) {
      running.writtenTokens = tokens;
      clock.advance(1_000);
      await turns();
    }
    expect(told.slice(1)).toEqual([`extend ${20 + 400} used 1`]);
    answer();
    await turns();
    clock.advance(1_000);
    expect(told.slice(2)).toEqual([`extend ${20 + 600} used 1`]);
    expect(signal.aborted).toBe(false);
  });

  it("goes on as far as it is covered where an extension breaks, which is asked for again", async () => {
    const payment = await paid();
    const running = work(60);
    const signal = payment.follow(running, new AbortController().signal);
    answers = ["broken", "extended", "broken", "broken"];
    for (const tokens of [60, 61, 160]) {
      running.writtenTokens = tokens;
      clock.advance(1_000);
      await turns();
    }
    expect(told.slice(1)).toEqual([420, 420, 620].map((max) => `extend ${max} used 1`));
    expect([signal.aborted, payment.refusal]).toEqual([false, undefined]);
    running.writtenTokens = 200;
    clock.advance(1_000);
    await turns();
    expect(payment.refusal).toMatchObject({ code: "service_unavailable" });
  });

  it("is called off with the consumer's own reason too", async () => {
    const payment = await paid();
    const consumer = new AbortController();
    const signal = payment.follow(work(0), consumer.signal);
    consumer.abort("shutdown");
    expect([signal.aborted, signal.reason, payment.refusal]).toEqual([true, "shutdown", undefined]);
  });
});

describe("a payment", () => {
  it("is posted once, and nothing is given back after that", async () => {
    const payment = await paid();
    await payment.settle([PART]);
    await payment.settle([PART]);
    payment[Symbol.dispose]();
    expect(told.slice(1)).toEqual(["post 1"]);
    expect(clock.pending).toBe(1);
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it("is given back where nothing was done for it, and where the request never ran", async () => {
    await (await paid()).settle([]);
    (await paid())[Symbol.dispose]();
    expect(told.filter((line) => line === "void")).toHaveLength(2);
  });

  it("charges no more than is set aside", async () => {
    const payment = await paid(payable({ maxTokens: 30 }));
    expect([payment.chargesFor([79n]), payment.chargesFor([81n])]).toEqual([[79n], [80n]]);
    expect(payment.chargesFor([30n, 60n, 5n])).toEqual([30n, 50n, 0n]);
  });

  it("pays machines no more than is set aside, the first first, but for what the platform bears", async () => {
    const parts = [PART, { ...PART, gross: 100n }, { ...PART, gross: 5n }];
    await (await paid(payable({ maxTokens: 30 }))).settle(parts);
    expect(posted.map(({ gross }) => gross)).toEqual([5n, 75n, 0n]);
    settings = { ...SETTINGS, mostLossMicroUsd: 30 };
    await (await paid(payable({ maxTokens: 30 }))).settle(parts);
    expect(posted.map(({ gross }) => gross)).toEqual([5n, 100n, 5n]);
  });

  it("that was settled while more was asked for stays settled", async () => {
    const payment = await paid();
    const signal = payment.follow(work(100), new AbortController().signal);
    answers = ["insufficient"];
    clock.advance(1_000);
    await payment.settle([PART]);
    await turns();
    expect([signal.aborted, payment.refusal]).toEqual([false, undefined]);
  });

  it("lets go of the signal that it followed", async () => {
    const payment = await paid();
    const consumer = new AbortController();
    const signal = payment.follow(work(0), consumer.signal);
    await payment.settle([PART]);
    consumer.abort();
    expect(signal.aborted).toBe(false);
  });

  it("leaves no timer when all are over", async () => {
    const [one, other] = [await paid(), await paid()];
    one[Symbol.dispose]();
    other[Symbol.dispose]();
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });
});

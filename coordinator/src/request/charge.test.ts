import type { Usage } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { DEFAULT_OWNER_PRICES } from "../ledger/owner-price-settings.js";
import { DEFAULT_PRICES, type OwnerPrices, PriceList, type Quote } from "../ledger/price-list.js";
import { fakePicked, fakeRecord, fakeSent, watchedLease } from "../testing/request-fakes.js";
import { chargesOf } from "./charge.js";
import { TokenCalibration } from "./token-calibration.js";

const price = (input: bigint, output: bigint) => ({ fromMs: 0, input, output, cachedInput: 0n });
/** Micro-USD a token: 1 read and 2 written of `m`, 10 and 20 of `dear`; nothing of others. */
const MODELS = new Map([
  ["m", [price(1_000_000n, 2_000_000n)]],
  ["dear", [price(10_000_000n, 20_000_000n)]],
]);
const quoteOf = (of?: OwnerPrices["of"]): Quote => {
  const owners = of && { isEmpty: false, knows: () => true, of };
  const allowed = { ...DEFAULT_OWNER_PRICES, maxMultiple: 3 };
  const prices = new PriceList({ ...DEFAULT_PRICES, models: MODELS }, allowed, owners && (() => owners));
  return prices.at(0)?.quote(["m", "dear"], () => ["bert", "carl"].map((account) => ({ id: "p", account }))) as Quote;
};

interface Answer {
  readonly usage: Usage;
  readonly model?: string;
  readonly account?: string;
}

/** What the answers cost, each by itself. */
function charge(
  answers: readonly Answer[],
  quote: Quote | undefined = quoteOf(),
  calibration: Pick<TokenCalibration, "estimate"> = new TokenCalibration(),
): readonly bigint[] | undefined {
  const { record } = fakeRecord(quote === undefined ? {} : { quote });
  for (const [index, { usage, model = "m", account = "bert" }] of answers.entries()) {
    const choice = index === 0 ? record.first : record.choose(fakePicked(watchedLease()));
    choice.answered({ type: "success", attempt: fakeSent({ model, link: { account } }), usage });
  }
  const charges = chargesOf(record, calibration);
  return charges && [...charges.values()];
}

const used = (prompt_tokens: number, completion_tokens: number): Usage => ({ prompt_tokens, completion_tokens });

describe("what an answer costs", () => {
  it("is nothing that could be told where nothing has a price", () => {
    const { record } = fakeRecord();
    record.first.answered({ type: "success", attempt: fakeSent(), usage: used(7, 3) });
    expect(chargesOf(record, new TokenCalibration())).toBeUndefined();
  });

  it("goes by the build that has answered, whatever was asked for", () => {
    expect(charge([{ usage: used(7, 3) }])).toEqual([13n]);
    expect(charge([{ usage: used(7, 3), model: "dear" }])).toEqual([130n]);
    expect(charge([{ usage: used(7, 3), model: "unpriced" }])).toEqual([0n]);
  });

  it("goes by the price of the machine that has answered", () => {
    const asks = { input: 2_000_000n, output: 1_000_000n, cachedInput: 0n };
    const quote = quoteOf(({ id, account }) => (id === "p" && account === "bert" ? asks : undefined));
    expect(charge([{ usage: used(7, 3) }], quote)).toEqual([17n]);
    expect(charge([{ usage: used(7, 3), account: "carl" }], quote)).toEqual([13n]);
  });

  it("is nothing on a machine of the caller's own", () => {
    expect(charge([{ usage: used(7, 3), account: "anna" }])).toEqual([0n]);
  });

  it("counts the prompt of several answers once, as their usage does", () => {
    const answers = [{ usage: used(7, 3) }, { usage: used(7, 1), model: "dear" }, { usage: used(7, 2) }];
    expect(charge(answers)).toEqual([13n, 20n, 4n]);
  });

  it("is none of an answer that was never complete", () => {
    const { record } = fakeRecord({ quote: quoteOf() });
    expect([...(chargesOf(record, new TokenCalibration())?.values() ?? [])]).toEqual([]);
  });
});

describe("what is only estimated", () => {
  it("costs the least that it may have been, and half of it before there is evidence", () => {
    expect(charge([{ usage: { ...used(100, 50), estimated: true } }])).toEqual([100n]);
    const calibration = { estimate: (_model: string, raw: number) => ({ expected: raw, least: raw * 0.8 }) };
    expect(charge([{ usage: { ...used(100, 50), estimated: true } }], quoteOf(), calibration)).toEqual([160n]);
  });

  it("costs no more than was estimated, also of a model that counts more than anybody thinks", () => {
    const calibration = { estimate: (_model: string, raw: number) => ({ expected: raw * 3, least: raw * 2 }) };
    expect(charge([{ usage: { ...used(100, 50), estimated: true } }], quoteOf(), calibration)).toEqual([200n]);
  });

  it("is calibrated under the name that was asked for, as the estimates are", () => {
    const asked: string[] = [];
    const calibration = {
      estimate(model: string, raw: number) {
        asked.push(model);
        return { expected: raw, least: raw };
      },
    };
    charge([{ usage: { ...used(1, 1), estimated: true }, model: "dear" }], quoteOf(), calibration);
    expect(new Set(asked)).toEqual(new Set(["m"]));
  });
});

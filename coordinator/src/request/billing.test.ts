import type { Usage } from "@hearth/protocol";
import { expect, it } from "vitest";
import type { AttemptEnd } from "../dispatch/attempt-deps.js";
import type { ReserveOutcome, ReserveRequest } from "../ledger/ledger.js";
import { DEFAULT_OWNER_PRICES } from "../ledger/owner-price-settings.js";
import { DEFAULT_PRICES, type Price, PriceList, type Quote } from "../ledger/price-list.js";
import type { Reservation, WorkPart } from "../ledger/reservation.js";
import { type FakeSent, fakeRecord, fakeSent } from "../testing/request-fakes.js";
import { payLosers } from "./billing.js";

const each = (amount: bigint): Price => ({ input: amount, output: amount, cachedInput: amount });
/** Micro-USD a token: 4 by the platform, and 3 on ben's machine. */
const OWNERS = {
  isEmpty: false,
  knows: () => true,
  of: ({ account }: { account: string }) => (account === "ben" ? each(3_000_000n) : undefined),
};
const QUOTE = new PriceList(
  { ...DEFAULT_PRICES, default: [{ fromMs: 0, ...each(4_000_000n) }] },
  DEFAULT_OWNER_PRICES,
  () => OWNERS,
)
  .at(0)
  ?.quote(["m"], () => ["ben", "carl"].map((account) => ({ id: "p", account }))) as Quote;

const SPENT: Usage = { prompt_tokens: 10, completion_tokens: 5 };
const cancelled = (reason: "lost_race" | "deadline"): AttemptEnd => ({
  ...{ type: "cancelled", reason, progress: "processed", moved: true, generatedTokens: 5 },
});

/** What the platform pays for these attempts. */
async function paid(...attempts: readonly FakeSent[]): Promise<readonly [bigint, readonly WorkPart[]][]> {
  const posted: [bigint, readonly WorkPart[]][] = [];
  const ledger = {
    async reserve({ max }: ReserveRequest): Promise<ReserveOutcome> {
      const post = async (parts: readonly WorkPart[]) => void posted.push([max, parts]);
      return { type: "reserved", reservation: { post } as unknown as Reservation };
    },
  };
  const { record } = fakeRecord({ quote: QUOTE });
  for (const attempt of attempts) {
    record.first.add(fakeSent({ whenSpent: (told: (usage: Usage) => void) => told(SPENT), ...attempt }));
  }
  payLosers(ledger, record);
  await new Promise((resolve) => setImmediate(resolve));
  return posted;
}

it("pays the loser of a race by the platform, at its own machine's price", async () => {
  const end = cancelled("lost_race");
  const work = { payer: "platform", model: "m", machine: "p", promptTokens: 10, completionTokens: 5 };
  expect(await paid({ end, link: { account: "ben" } }, { end, link: { account: "carl" } })).toMatchObject([
    [0n, [{ ...work, account: "ben", gross: 45n }]],
    [0n, [{ ...work, account: "carl", gross: 60n }]],
  ]);
});

it("pays neither a machine that was late nor the caller's own", async () => {
  expect(
    await paid(
      { end: cancelled("deadline"), link: { account: "ben" } },
      { end: cancelled("lost_race"), link: { account: "anna" } },
    ),
  ).toEqual([]);
});

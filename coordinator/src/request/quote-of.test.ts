import { expect, it } from "vitest";
import { DEFAULT_OWNER_PRICES } from "../ledger/owner-price-settings.js";
import { DEFAULT_PRICES, type Price, PriceList } from "../ledger/price-list.js";
import { fakeTraits } from "../testing/fake-provider.js";
import { type PaidWorker, quoteOf } from "./quote-of.js";

const each = (amount: bigint): Price => ({ input: amount, output: amount, cachedInput: amount });
/** Everybody asks what the name of his account says. */
const OWNERS = { isEmpty: false, knows: () => true, of: ({ account }: { account: string }) => each(BigInt(account)) };
const PRICES = new PriceList(
  { ...DEFAULT_PRICES, default: [{ fromMs: 0, ...each(1n) }] },
  { ...DEFAULT_OWNER_PRICES, maxMultiple: 100 },
  () => OWNERS,
);
const on = (account: string, more: Partial<PaidWorker> = {}): PaidWorker => ({
  ...{ id: `prv_${account}`, account, availableTo: "everyone", serialHash: "" },
  ...more,
});

/** What is set aside for a token of a request of account 9. */
function dearest(workers: readonly PaidWorker[], allowlist?: ReadonlySet<string>): bigint | undefined {
  const deps = { tariff: () => PRICES.at(0), workers: () => workers };
  return quoteOf(deps, { asked: "m", builds: ["m"] }, { ...fakeTraits(), account: "9", allowlist })?.dearest?.input;
}

it("goes by the dearest machine that may serve the request", () => {
  expect(dearest([on("3"), on("7"), on("5")])).toBe(7n);
  expect(dearest([])).toBe(1n);
});

it("leaves out machines that nobody else may use now, and the caller's own, which cost nothing", () => {
  expect(dearest([on("3"), on("7", { availableTo: "owner" }), on("8", { availableTo: "nobody" }), on("9")])).toBe(3n);
});

it("goes by those alone that the request names, by their ids or by the hash of their serial", () => {
  const workers = [on("3"), on("7"), on("5", { serialHash: "hash" })];
  expect(dearest(workers, new Set(["prv_3"]))).toBe(3n);
  expect(dearest(workers, new Set(["prv_3", "hash"]))).toBe(5n);
});

it("is none where nothing has a price", () => {
  const deps = { tariff: () => undefined, workers: () => [on("3")] };
  expect(quoteOf(deps, { asked: "m", builds: ["m"] }, fakeTraits())).toBeUndefined();
});

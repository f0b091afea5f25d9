import type { Store } from "../store.js";
import type { RequestUsage } from "../usage-store.js";
import { moveSomeMoney, part, reservation, SOME_BUDGET } from "./money.js";

const MANY = 1_000;
/** A text with everything that a database might trip over, and one of its digits. */
const ODD = 'Änne "A." O\'Neil, {\\N} \t\n € 😀';

/** Something of everything that a store keeps, in every table. @param receipts that many, of a kilobyte each */
export async function fillStore(store: Store, receipts = 3): Promise<void> {
  await fillAccounts(store);
  await fillFleet(store);
  await fillReceipts(store, receipts);
  await store.documents.put("runtime-manifest", JSON.stringify({ odd: ODD }));
  await store.usage.put([used("req_1"), used("req_2", { firstContentMs: undefined, facts: `{"odd":"${ODD}"}` })]);
  const action = { id: "act_1", atMs: 1_000, keyId: "key_1", account: "zoe", method: "POST", status: 201 };
  await store.actions.put({ ...action, route: "/admin/accounts", target: ODD, changes: ODD });
  await fillPrices(store);
  await fillLedger(store);
  await fillNotices(store);
}

async function fillNotices({ notices, ledger }: Store): Promise<void> {
  const target = { account: "zoe", url: "https://zoe.example/hook", format: "json", secret: "whsec_x" } as const;
  await notices.putTarget({ ...target, events: ["payout.paid", ODD], sinceMs: 1_000 });
  await notices.tested("zoe", { atMs: 7_000, failure: ODD });
  const payload = JSON.stringify({ account: "zoe", odd: ODD });
  await ledger.addMessage({ id: "own", kind: "payout.paid", payload, nowMs: 2_000, isForOwners: true });
  await notices.spread({ fromMs: 0, nowMs: 3_000, mostAnHour: MANY });
}

async function fillPrices({ prices }: Store): Promise<void> {
  const asked = { input: 1n, output: BigInt(Number.MAX_SAFE_INTEGER), cachedInput: 0n };
  const bounds = { perAccount: MANY, forgetBeforeMs: 0 };
  const common = { account: "zoe", model: "m", price: asked, createdAtMs: 1_000 };
  await prices.setPrice({ ...common, id: "price_1", machine: "prv_1", fromMs: 1_000 }, bounds);
  await prices.setPrice({ ...common, id: "price_2", machine: undefined, fromMs: 2_000 }, bounds);
  await prices.endPrice({ id: "price_1", account: "zoe", atMs: 5_000, nowMs: 3_000, endId: "price_3" });
}

async function fillAccounts({ accounts }: Store): Promise<void> {
  const own = { name: ODD, parent: undefined, budget: "own", concurrency: undefined, createdAtMs: 1_000 } as const;
  // By its time and its name a team may stand before the account that it is of.
  await accounts.addAccount({ ...own, id: "zoe" });
  await accounts.addAccount({ ...own, id: "anna-team", parent: "zoe", budget: "shared", createdAtMs: 500 });
  await accounts.suspendAccount("anna-team", 5_000);
  const limits = { requestsPerMinute: 60, tokensPerMinute: 0, concurrency: 3 };
  const budget = { microUsd: Number.MAX_SAFE_INTEGER, reset: "monthly" } as const;
  await accounts.addKey(
    {
      ...{ id: "key_1", account: "zoe", name: ODD, prefix: "sk-hearth-abcd", digest: "d1", scopes: ["inference"] },
      ...{ allowedModels: ["a b", ""], selfRouteOnly: true, limits: { ...limits, budget }, tags: { team: ODD } },
      ...{ createdAtMs: 1_000, expiresAtMs: undefined },
    },
    MANY,
  );
  await accounts.rotateKey("key_1", { prefix: "sk-hearth-efgh", digest: "d2", oldEndsAtMs: 9_000 });
}

async function fillFleet({ enrolments, knownModels }: Store): Promise<void> {
  const token = { account: "zoe", tokenDigest: "t1", note: ODD, createdAtMs: 1_000, expiresAtMs: 9_000 };
  await enrolments.addTokens([{ id: "et_1", ...token }], MANY);
  const machine = { id: "mach_1", identity: "i".repeat(43), name: ODD, platform: "linux", agentVersion: "0.1.0" };
  const enrolled = { ...machine, method: "enrolment_token", tokenDigest: "m1", createdAtMs: 2_000 } as const;
  await enrolments.redeem("t1", enrolled, MANY);
  await knownModels.put([{ model: "m", providerId: "prv_1", account: "zoe", answeredAtMs: 3_000, facts: "{}" }]);
}

async function fillReceipts({ receipts, attestations }: Store, count: number): Promise<void> {
  const every = Uint8Array.from({ length: 256 }, (_, n) => n);
  const signed = { signature: every.slice(0, 0), createdAtMs: 1_000 };
  await attestations.put({ hash: "h1", blob: every, identityKey: every.slice(1), ...signed });
  const blob = Uint8Array.from({ length: 1_024 }, (_, n) => n * 7);
  const common = { account: "zoe", providerId: "prv_1", blob, attestationHash: "h1", ...signed };
  await receipts.put(Array.from({ length: count }, (_, n) => ({ requestId: `req_${n}`, ...common })));
}

const HOUR_MS = 3_600_000;

/** What is open, posted, voided, forgotten, paid out and refunded, with a key's budget. */
async function fillLedger({ ledger }: Store): Promise<void> {
  await moveSomeMoney(ledger, ODD);
  await ledger.prune({ resolved: HOUR_MS, delivered: 0, undelivered: 0 });
  await ledger.reserve(reservation("r4", 50n, { budget: SOME_BUDGET }));
  await ledger.post({ id: "r4", parts: [part(20n), part(30n, { payer: "platform" })], nowMs: 2 * HOUR_MS });
  await ledger.requestPayout({ id: "p1", account: "ben", amount: 200n, actor: "ben", nowMs: 1 });
}

function used(requestId: string, given: Partial<RequestUsage> = {}): RequestUsage {
  return {
    ...{ requestId, atMs: 1_000, account: "zoe", keyId: "key_1", modelAsked: "small", model: "small-q4" },
    ...{ providerId: "prv_1", outcome: "success", promptTokens: 10, cachedTokens: 4, completionTokens: 20 },
    ...{ estimated: true, costMicroUsd: 7, durationMs: 900, firstContentMs: 300, facts: "{}" },
    ...{ requests: 1, dialect: "chat_completions", endpoint: "/v1/chat/completions", endUser: "usr_1" },
    ...{ tags: { team: ODD }, ...given },
  };
}

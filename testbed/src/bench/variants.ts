import { createHash } from "node:crypto";
import { ADMIN_KEY, type HearthSettings } from "./hearth.js";
import { API_KEY } from "./run.js";
import { type Feature, programsOf } from "./turn-off.js";

/** Somebody who is not the machine's owner, whose answers would cost nothing. */
const PAYER = "bench-payer";

/** Hearth with one thing changed. */
export interface Variant {
  readonly name: string;
  readonly settings: Partial<HearthSettings>;
  /** What it needs before its first request. */
  readonly prepare?: (port: number) => Promise<void>;
}

/** Hearth as the bench always measures it: everything on but payments and the log. */
export const AS_IT_IS: Variant = { name: "as it is", settings: {} };

/** Beside that, Hearth with one feature on or off at a time. */
export const VARIANTS: readonly Variant[] = [
  without("receipts", "receipts off: the machine does not attest"),
  without("receipt-batches", "batches of receipts off: a signature each"),
  without("shared-contexts", "shared contexts off: an agreement of keys for each attempt"),
  without("padding", "padding off"),
  without("metrics", "metrics off"),
  without("records", "records of usage and of receipts off"),
  without("eligibility", "eligibility off: no machine is told whether it could get requests"),
  { name: "timelines off", settings: { operator: { timelines: { requests: 0 } } } },
  { name: "log on: a line a request, as it comes", settings: { env: { HEARTH_LOG_LEVEL: "info" } } },
  { name: "ledger on: everything has a price", settings: paid(), prepare: deposit },
];

function without(feature: Feature, name: string): Variant {
  const hook = new URL(`feature-hook.js?off=${feature}`, import.meta.url).href;
  const programs = programsOf(feature).map((program) => (program === "coordinator" ? program : "agent"));
  return { name, settings: { flags: Object.fromEntries(programs.map((program) => [program, ["--import", hook]])) } };
}

function paid(): Partial<HearthSettings> {
  const key = { account: PAYER, sha256: createHash("sha256").update(API_KEY).digest("hex") };
  return {
    env: { HEARTH_API_KEY: "bench-key-of-the-default-account" },
    operator: { api_keys: [key], prices: { default: [{ input: 100_000, output: 400_000 }] } },
  };
}

/** @throws Error when it is not taken */
async function deposit(port: number): Promise<void> {
  const { status, ok } = await fetch(`http://127.0.0.1:${port}/admin/accounts/${PAYER}/deposits`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json", "idempotency-key": "bench" },
    body: JSON.stringify({ amount_micro_usd: 1_000_000_000_000, reason: "bench" }),
  });
  if (!ok) throw new Error(`the deposit was answered with ${status}`);
}

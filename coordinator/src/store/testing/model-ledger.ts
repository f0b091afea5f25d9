import type { MicroUsd } from "../../platform/micro-usd.js";
import type { Balance } from "../ledger-reports.js";
import type {
  Abandonment,
  Correction,
  Extension,
  Income,
  LedgerStore,
  NewReservation,
  PayoutChange,
  PayoutRequest,
  Posting,
  PostResult,
  Refund,
  WorkPart,
} from "../ledger-store.js";

/** One thing that can be asked of a ledger, as data. */
export type MoneyOperation =
  | { readonly type: "deposit"; readonly input: Income }
  | { readonly type: "correct"; readonly input: Correction }
  | { readonly type: "reserve"; readonly input: NewReservation }
  | { readonly type: "extend"; readonly input: Extension }
  | { readonly type: "post"; readonly input: Posting }
  | { readonly type: "void"; readonly input: { readonly id: string; readonly nowMs: number } }
  | { readonly type: "abandon"; readonly input: Abandonment }
  | { readonly type: "refund"; readonly input: Refund }
  | { readonly type: "requestPayout"; readonly input: PayoutRequest }
  | { readonly type: "changePayout"; readonly input: PayoutChange };

export function askLedger(ledger: LedgerStore, { type, input }: MoneyOperation): Promise<object> {
  if (type === "void") return ledger.void(input.id, input.nowMs);
  const ask = ledger[type] as (input: unknown) => Promise<object>;
  return ask(input);
}

interface ModelAccount {
  credit: bigint;
  earned: bigint;
  pending: bigint;
  heldCredit: bigint;
  heldEarned: bigint;
}

interface ModelReservation {
  readonly asked: NewReservation;
  state: "open" | "posted" | "voided";
  credit: bigint;
  earned: bigint;
  used: readonly WorkPart[];
  expiresAtMs: number;
  posted: bigint;
  refunded: bigint;
  byCaller: boolean;
  parts: readonly WorkPart[];
}

const costOf = (parts: readonly WorkPart[]): bigint =>
  parts.reduce((sum, { payer, gross }) => (payer === "consumer" ? sum + gross : sum), 0n);
const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const isSame = (one: unknown, other: unknown): boolean => textOf(one) === textOf(other);
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `${member}n` : member));

/** What docs/ledger.md says, in the plainest way, with nothing at the same time and nothing that can fail. */
export class ModelLedger {
  readonly #accounts = new Map<string, ModelAccount>();
  readonly #reservations = new Map<string, ModelReservation>();
  readonly #transfers = new Map<string, string>();
  readonly #payouts = new Map<string, { account: string; amount: bigint; state: string }>();
  readonly #budgets = new Map<string, bigint>();

  /** @returns the type of the result, with what else of it is told here */
  apply(operation: MoneyOperation): object {
    switch (operation.type) {
      case "deposit":
        return this.#once(`deposit/${operation.input.id}`, operation.input, ({ account, amount }) => {
          this.#account(account).credit += amount;
          return { type: "done" };
        });
      case "correct":
        return this.#correct(operation.input);
      case "reserve":
        return this.#reserve(operation.input);
      case "extend":
        return this.#extend(operation.input);
      case "post":
        return this.#post(operation.input);
      case "void":
        return this.#void(operation.input.id);
      case "abandon":
        return this.#abandon(operation.input);
      case "refund":
        return this.#refund(operation.input);
      case "requestPayout":
        return this.#requestPayout(operation.input);
      case "changePayout":
        return this.#changePayout(operation.input);
    }
  }

  balance(name: string): Balance {
    const { credit, earned, pending, heldCredit, heldEarned } = this.#account(name);
    return {
      credit: { balance: credit, reserved: heldCredit },
      earned: { balance: earned, reserved: heldEarned },
      pending,
      available: credit - heldCredit + earned - heldEarned,
    };
  }

  /** All that it knows: two that say the same will always do the same. */
  text(): string {
    const all = [this.#accounts, this.#reservations, this.#transfers, this.#payouts, this.#budgets];
    return textOf(all.map((map) => [...map].sort(([one], [other]) => (one < other ? -1 : 1))));
  }

  #account(name: string): ModelAccount {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const made = { credit: 0n, earned: 0n, pending: 0n, heldCredit: 0n, heldEarned: 0n };
    this.#accounts.set(name, made);
    return made;
  }

  clone(): ModelLedger {
    const copy = new ModelLedger();
    const fill = <T>(from: Map<string, T>, to: Map<string, T>): void => {
      for (const [key, value] of from) to.set(key, typeof value === "object" ? { ...value } : value);
    };
    fill(this.#accounts, copy.#accounts);
    fill(this.#reservations, copy.#reservations);
    fill(this.#transfers, copy.#transfers);
    fill(this.#payouts, copy.#payouts);
    fill(this.#budgets, copy.#budgets);
    return copy;
  }

  #once<T extends { account?: string; amount: bigint }>(id: string, input: T, make: (input: T) => object): object {
    const content = textOf([input.account, input.amount]);
    const known = this.#transfers.get(id);
    if (known !== undefined) return { type: known === content ? "repeated" : "conflict" };
    const result = make(input);
    if ("type" in result && result.type === "done") this.#transfers.set(id, content);
    return result;
  }

  #correct(input: Correction): object {
    return this.#once(`correct/${input.id}`, input, ({ account, part, amount }) => {
      const of = this.#account(account);
      const available = part === "credit" ? of.credit - of.heldCredit : of.earned - of.heldEarned;
      if (available + amount < 0n) return { type: "insufficient", available };
      of[part] += amount;
      return { type: "done" };
    });
  }

  #reserve(input: NewReservation): object {
    const known = this.#reservations.get(input.id);
    const identity = ({ requestId, account, payer, max, budget }: NewReservation) =>
      textOf([requestId, account, payer, max, budget?.keyId]);
    if (known !== undefined) return { type: identity(known.asked) === identity(input) ? "reserved" : "conflict" };
    const held = this.#hold(input, input.max);
    if (held.type === "insufficient") return held;
    this.#reservations.set(input.id, {
      ...{ asked: input, state: "open", credit: held.credit, earned: held.earned, used: [], posted: 0n },
      ...{ expiresAtMs: input.expiresAtMs, refunded: 0n, byCaller: false, parts: [] },
    });
    return { type: "reserved" };
  }

  #hold({ payer, budget }: NewReservation, amount: MicroUsd) {
    if (budget !== undefined) {
      const left = budget.limit - (this.#budgets.get(budget.keyId) ?? 0n);
      const available = left > 0n ? left : 0n;
      if (left < amount) return { type: "insufficient", limitedBy: "budget", available } as const;
    }
    const of = this.#account(payer);
    const ofCredit = of.credit - of.heldCredit;
    const available = ofCredit + of.earned - of.heldEarned;
    if (available < amount) return { type: "insufficient", limitedBy: "balance", available } as const;
    const credit = least(ofCredit, amount);
    this.#spend(budget, amount);
    of.heldCredit += credit;
    of.heldEarned += amount - credit;
    return { type: "held", credit, earned: amount - credit } as const;
  }

  #spend(budget: NewReservation["budget"], amount: bigint): void {
    if (budget !== undefined) this.#budgets.set(budget.keyId, (this.#budgets.get(budget.keyId) ?? 0n) + amount);
  }

  #extend({ id, max, used, expiresAtMs }: Extension): object {
    const of = this.#reservations.get(id);
    if (of === undefined) return { type: "unknown" };
    if (of.state !== "open") return { type: "closed" };
    if (costOf(used) >= costOf(of.used)) of.used = used;
    of.expiresAtMs = Math.max(of.expiresAtMs, expiresAtMs);
    const more = max - of.credit - of.earned;
    if (more <= 0n) return { type: "extended" };
    const held = this.#hold(of.asked, more);
    if (held.type === "insufficient") return held;
    of.credit += held.credit;
    of.earned += held.earned;
    return { type: "extended" };
  }

  #post({ id, parts }: Posting): PostResult {
    const of = this.#reservations.get(id);
    if (of === undefined) return { type: "unknown" };
    if (of.state === "voided") return { type: "already", state: "voided", charged: 0n };
    if (of.state === "posted") {
      if (!of.byCaller) return { type: "already", state: "posted", charged: of.posted };
      const lost = costOf(parts) - of.posted;
      return isSame(of.parts, parts) ? { type: "posted", charged: of.posted, lost } : { type: "conflict" };
    }
    return this.#settle(of, parts, true);
  }

  #settle(of: ModelReservation, parts: readonly WorkPart[], byCaller: boolean) {
    const posted = least(costOf(parts), of.credit + of.earned);
    this.#release(of);
    this.#spend(of.asked.budget, posted);
    const payer = this.#account(of.asked.payer);
    const ofCredit = least(posted, of.credit);
    payer.credit -= ofCredit;
    payer.earned -= posted - ofCredit;
    for (const { account, gross } of parts) {
      this.#account(account).earned += gross - (gross * BigInt(of.asked.feeBasisPoints)) / 10_000n;
    }
    Object.assign(of, { state: "posted", posted, parts, byCaller });
    return { type: "posted", charged: posted, lost: costOf(parts) - posted } as const;
  }

  #release(of: ModelReservation): void {
    const payer = this.#account(of.asked.payer);
    payer.heldCredit -= of.credit;
    payer.heldEarned -= of.earned;
    this.#spend(of.asked.budget, -of.credit - of.earned);
  }

  #void(id: string): object {
    const of = this.#reservations.get(id);
    if (of === undefined) return { type: "unknown" };
    if (of.state === "posted") return { type: "already", state: "posted", charged: of.posted };
    if (of.state === "open") this.#release(of);
    of.state = "voided";
    return { type: "voided" };
  }

  #abandon({ id, nowMs, because }: Abandonment): object {
    const of = this.#reservations.get(id);
    const isDue =
      because.type === "expiry"
        ? of?.expiresAtMs === because.expiresAtMs && because.expiresAtMs <= nowMs
        : of?.asked.node === because.node;
    if (of === undefined || of.state !== "open" || !isDue) return { type: "kept" };
    if (of.used.length > 0) return this.#settle(of, of.used, false);
    return this.#void(id);
  }

  #refund(input: Refund): object {
    const of = this.#reservations.get(input.reservationId);
    if (of?.state !== "posted") return { type: "unknown" };
    return this.#once(
      `refund/${input.id}`,
      { account: of.asked.payer, amount: input.amount },
      ({ account, amount }) => {
        if (amount > of.posted - of.refunded) return { type: "insufficient", available: of.posted - of.refunded };
        const ofEarned = of.posted - least(of.posted, of.credit);
        const toEarned = least(amount, ofEarned > of.refunded ? ofEarned - of.refunded : 0n);
        this.#account(account).earned += toEarned;
        this.#account(account).credit += amount - toEarned;
        of.refunded += amount;
        return { type: "done" };
      },
    );
  }

  #requestPayout(input: PayoutRequest): object {
    return this.#once(`payout/${input.id}`, input, ({ id, account, amount }) => {
      const of = this.#account(account);
      const available = of.earned - of.heldEarned;
      if (available < amount) return { type: "insufficient", available };
      of.earned -= amount;
      of.pending += amount;
      this.#payouts.set(id, { account, amount, state: "requested" });
      return { type: "done" };
    });
  }

  #changePayout({ id, to }: PayoutChange): object {
    const payout = this.#payouts.get(id);
    if (payout === undefined) return { type: "unknown" };
    if (payout.state === to) return { type: "repeated" };
    if (payout.state !== (to === "returned" ? "paid" : "requested")) return { type: "conflict", state: payout.state };
    const of = this.#account(payout.account);
    if (to !== "returned") of.pending -= payout.amount;
    if (to !== "paid") of.earned += payout.amount;
    payout.state = to;
    return { type: "done" };
  }
}

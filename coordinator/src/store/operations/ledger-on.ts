import { type MicroUsd, microUsd, type Sign } from "../../platform/micro-usd.js";
import type { LedgerStore, WorkPart } from "../ledger-store.js";
import type { Engine } from "./registry.js";

/** The ledger that callers see. Whatever amount comes in is looked at here, once. */
export function ledgerOn(engine: Engine): LedgerStore {
  const income = <T extends { readonly amount: MicroUsd }>(input: T, sign: Sign = "positive"): T => {
    microUsd(input.amount, sign);
    return input;
  };
  return {
    reserve: async (reservation) => {
      microUsd(reservation.max);
      if (reservation.budget !== undefined) microUsd(reservation.budget.limit);
      return engine.run("ledger.reserve", reservation);
    },
    extend: async (extension) => {
      microUsd(extension.max);
      return engine.run("ledger.extend", { ...extension, used: checkedParts(extension.used) });
    },
    post: async (posting) => engine.run("ledger.post", { ...posting, parts: checkedParts(posting.parts) }),
    void: (id, nowMs) => engine.run("ledger.void", { id, nowMs }),
    abandoned: (which) => engine.run("ledger.abandoned", which),
    abandon: (abandonment) => engine.run("ledger.abandon", abandonment),
    deposit: async (input) => engine.run("ledger.deposit", income(input)),
    grant: async (input) => engine.run("ledger.grant", income(input)),
    correct: async (input) => {
      // One of 0 would be an entry that says nothing.
      return engine.run("ledger.correct", income(input, input.amount === 0n ? "positive" : "any"));
    },
    refund: async (input) => engine.run("ledger.refund", income(input)),
    requestPayout: async (input) => engine.run("payouts.request", income(input)),
    changePayout: (change) => engine.run("payouts.change", change),
    payouts: (page) => engine.run("payouts.list", page),
    balance: (account) => engine.run("ledger.balance", account),
    statement: (page) => engine.run("ledger.statement", page),
    earnings: (query) => engine.run("ledger.earnings", query),
    prune: (before) => engine.run("ledger.prune", before),
    keySpend: (query) => engine.run("ledger.key-spend", query),
    audit: (limit) => engine.run("ledger.audit", limit),
    addMessage: (message) => engine.run("outbox.add", message),
    dueMessages: (nowMs, limit) => engine.run("outbox.due", { nowMs, limit }),
    messageTried: (id, end) => engine.run("outbox.tried", { id, end }),
  };
}

/** @throws HearthError for a price that is none, of one part or of all */
function checkedParts(parts: readonly WorkPart[]): readonly WorkPart[] {
  microUsd(parts.reduce((sum, { gross }) => sum + microUsd(gross), 0n));
  return parts;
}

import type { StoredAttestation } from "../attestation-store.js";
import type { StoredReceipt } from "../receipt-store.js";
import type { Store } from "../store.js";
import { ledgerOn } from "./ledger-on.js";
import type { Engine } from "./registry.js";

/** The store that callers see, on whatever carries its operations out. */
export function storeOn(engine: Engine): Store {
  return {
    enrolments: {
      addMachine: (machine, maxPerAccount) => engine.run("machines.add", { machine, maxPerAccount }),
      redeem: (tokenDigest, machine, maxPerAccount) =>
        engine.run("tokens.redeem", { tokenDigest, machine, maxPerAccount }),
      activeMachines: () => engine.run("machines.active", null),
      listMachines: (page) => engine.run("machines.list", page),
      revokeMachine: (id, atMs, account) => engine.run("machines.revoke", { id, atMs, account }),
      moveMachine: (move) => engine.run("machines.move", move),
      touch: async (seen) => (seen.size === 0 ? undefined : engine.run("machines.touch", new Map(seen))),
      addTokens: (tokens, maxUnused) => engine.run("tokens.add", { tokens, maxUnused }),
      listTokens: (page) => engine.run("tokens.list", page),
      revokeToken: (id, atMs, account) => engine.run("tokens.revoke", { id, atMs, account }),
      prune: (beforeMs) => engine.run("enrolments.prune", beforeMs),
    },
    receipts: {
      put: async (receipts) =>
        receipts.length === 0 ? undefined : engine.run("receipts.put", receipts.map(exactReceipt)),
      find: (requestId, account) => engine.run("receipts.find", { requestId, account }),
      prune: (beforeMs, keepAtMost) => engine.run("receipts.prune", { beforeMs, keepAtMost }),
    },
    attestations: {
      put: (attestation) => engine.run("attestations.put", exactAttestation(attestation)),
      get: (hash) => engine.run("attestations.get", hash),
    },
    documents: {
      get: (name) => engine.run("documents.get", name),
      put: (name, json) => engine.run("documents.put", { name, json }),
      list: (prefix) => engine.run("documents.list", prefix),
      remove: async (names) => (names.length === 0 ? undefined : engine.run("documents.remove", names)),
    },
    knownModels: {
      all: () => engine.run("known-models.all", null),
      put: async (models) => (models.length === 0 ? undefined : engine.run("known-models.put", models)),
      remove: async (pairs) => (pairs.length === 0 ? undefined : engine.run("known-models.remove", pairs)),
    },
    accounts: {
      addAccount: (account) => engine.run("accounts.add", account),
      findAccount: (id) => engine.run("accounts.find", id),
      listAccounts: (page) => engine.run("accounts.list", page),
      updateAccount: (id, changes) => engine.run("accounts.update", { id, changes }),
      suspendAccount: (id, atMs) => engine.run("accounts.suspend", { id, atMs }),
      suspendedAccounts: () => engine.run("accounts.suspended", null),
      addKey: (key, maxPerAccount) => engine.run("api-keys.add", { key, maxPerAccount }),
      findKey: (id) => engine.run("api-keys.find", id),
      findKeyByDigest: (digest) => engine.run("api-keys.find-by-digest", digest),
      listKeys: (page) => engine.run("api-keys.list", page),
      updateKey: (id, changes) => engine.run("api-keys.update", { id, changes }),
      rotateKey: (id, secret) => engine.run("api-keys.rotate", { id, secret }),
      revokeKey: (id, atMs) => engine.run("api-keys.revoke", { id, atMs }),
      pruneKeys: (beforeMs) => engine.run("api-keys.prune", beforeMs),
    },
    usage: {
      put: async (usage) => (usage.length === 0 ? undefined : engine.run("usage.put", usage)),
      list: (page) => engine.run("usage.list", page),
      totals: (query) => engine.run("usage.totals", query),
      spent: (query) => engine.run("usage.spent", query),
      prune: (before) => engine.run("usage.prune", before),
      forget: (account) => engine.run("usage.forget", account),
    },
    ledger: ledgerOn(engine),
    prices: {
      setPrice: (price, bounds) => engine.run("owner-prices.set", { price, bounds }),
      endPrice: (end) => engine.run("owner-prices.end", end),
      listPrices: (page) => engine.run("owner-prices.list", page),
      pricesSince: (revision) => engine.run("owner-prices.since", revision),
    },
    actions: {
      put: (action) => engine.run("admin-actions.put", action),
      list: (page) => engine.run("admin-actions.list", page),
      prune: (beforeMs, keepAtMost) => engine.run("admin-actions.prune", { beforeMs, keepAtMost }),
    },
    notices: noticesOn(engine),
    close: () => engine.close(),
  };
}

const noticesOn = (engine: Engine): Store["notices"] => ({
  putTarget: (target) => engine.run("notices.put-target", target),
  findTarget: (account) => engine.run("notices.find-target", account),
  removeTarget: (account) => engine.run("notices.remove-target", account),
  listTargets: () => engine.run("notices.list-targets", null),
  spread: (wanted) => engine.run("notices.spread", wanted),
  due: (nowMs, limit) => engine.run("notices.due", { nowMs, limit }),
  tested: (account, last) => engine.run("notices.tested", { account, last }),
  tried: (id, tried) => engine.run("notices.tried", { id, tried }),
  prune: (beforeMs) => engine.run("notices.prune", beforeMs),
});

/**
 * Bytes in a buffer of their own: what crosses a thread takes the whole buffer behind a view with it, and a short
 * `Buffer` is a view of one of 8 KiB that it shares with others.
 */
function exact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
}

function exactReceipt(receipt: StoredReceipt): StoredReceipt {
  return { ...receipt, blob: exact(receipt.blob), signature: exact(receipt.signature) };
}

function exactAttestation(attestation: StoredAttestation): StoredAttestation {
  const { blob, signature, identityKey } = attestation;
  return { ...attestation, blob: exact(blob), signature: exact(signature), identityKey: exact(identityKey) };
}

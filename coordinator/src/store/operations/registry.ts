import { addAccount, findAccount, listAccounts, suspendAccount, suspendedAccounts, updateAccount } from "./accounts.js";
import { listActions, pruneActions, putAction } from "./admin-actions.js";
import { addKey, findKey, findKeyByDigest, listKeys, pruneKeys, revokeKey, rotateKey, updateKey } from "./api-keys.js";
import { getDocument, listDocuments, putDocument, removeDocuments } from "./documents.js";
import { addTokens, listTokens, pruneEnrolments, revokeToken } from "./enrolment-tokens.js";
import { allKnownModels, putKnownModels, removeKnownModels } from "./known-models.js";
import {
  activeMachines,
  addMachine,
  listMachines,
  moveMachine,
  redeem,
  revokeMachine,
  touchMachines,
} from "./machines.js";
import { audit } from "./money/audit.js";
import {
  correct,
  deposit,
  grant,
  moreForCorrect,
  needsOfCorrect,
  needsOfDeposit,
  needsOfGrant,
  needsOfRefund,
  refund,
} from "./money/income.js";
import { keySpend } from "./money/key-spend.js";
import { addMessage, dueMessages, messageTried } from "./money/outbox.js";
import {
  changePayout,
  listPayouts,
  moreForPayoutChange,
  needsOfPayout,
  needsOfPayoutChange,
  requestPayout,
} from "./money/payouts.js";
import { pruneLedger } from "./money/prune.js";
import { balance, earnings, statement } from "./money/reports.js";
import { extend, needsOfExtend, needsOfReserve, reserve } from "./money/reserve.js";
import {
  abandon,
  abandoned,
  moreForAbandon,
  moreForPost,
  needsOfAbandon,
  needsOfPost,
  needsOfVoid,
  post,
  voidReservation,
} from "./money/resolve.js";
import {
  dueOwn,
  findTarget,
  listTargets,
  pruneOwn,
  putTarget,
  removeTarget,
  spread,
  testedOwn,
  triedOwn,
} from "./notices.js";
import { type MoneyOperation, money, type Operation, read, write } from "./operation.js";
import { endPrice, listPrices, pricesSince, setPrice } from "./owner-prices.js";
import { findReceipt, getAttestation, pruneReceipts, putAttestation, putReceipts } from "./receipts.js";
import { forgetUsage, listUsage, pruneUsage, putUsage } from "./usage.js";
import { spentOf, usageTotals } from "./usage-totals.js";

/** Everything that can be asked of the store. */
export const OPERATIONS = {
  "machines.add": write(addMachine),
  "machines.active": read(activeMachines),
  "machines.list": read(listMachines),
  "machines.revoke": write(revokeMachine),
  "machines.move": write(moveMachine),
  "machines.touch": write(touchMachines),
  "tokens.add": write(addTokens),
  "tokens.redeem": write(redeem),
  "tokens.list": read(listTokens),
  "tokens.revoke": write(revokeToken),
  "enrolments.prune": write(pruneEnrolments),
  "receipts.put": write(putReceipts),
  "receipts.find": read(findReceipt),
  "receipts.prune": write(pruneReceipts),
  "attestations.put": write(putAttestation),
  "attestations.get": read(getAttestation),
  "documents.put": write(putDocument),
  "documents.get": read(getDocument),
  "documents.list": read(listDocuments),
  "documents.remove": write(removeDocuments),
  "known-models.all": read(allKnownModels),
  "known-models.put": write(putKnownModels),
  "known-models.remove": write(removeKnownModels),
  "accounts.add": write(addAccount),
  "accounts.find": read(findAccount),
  "accounts.list": read(listAccounts),
  "accounts.update": write(updateAccount),
  "accounts.suspend": write(suspendAccount),
  "accounts.suspended": read(suspendedAccounts),
  "api-keys.add": write(addKey),
  "api-keys.find": read(findKey),
  "api-keys.find-by-digest": read(findKeyByDigest),
  "api-keys.list": read(listKeys),
  "api-keys.update": write(updateKey),
  "api-keys.rotate": write(rotateKey),
  "api-keys.revoke": write(revokeKey),
  "api-keys.prune": write(pruneKeys),
  "usage.put": write(putUsage),
  "usage.list": read(listUsage),
  "usage.totals": read(usageTotals),
  "usage.spent": read(spentOf),
  "usage.prune": write(pruneUsage),
  "usage.forget": write(forgetUsage),
  "ledger.reserve": money(reserve, needsOfReserve),
  "ledger.extend": money(extend, needsOfExtend),
  "ledger.post": money(post, needsOfPost, moreForPost),
  "ledger.void": money(voidReservation, needsOfVoid),
  "ledger.abandoned": read(abandoned),
  "ledger.abandon": money(abandon, needsOfAbandon, moreForAbandon),
  "ledger.deposit": money(deposit, needsOfDeposit),
  "ledger.grant": money(grant, needsOfGrant),
  "ledger.correct": money(correct, needsOfCorrect, moreForCorrect),
  "ledger.refund": money(refund, needsOfRefund),
  "ledger.balance": read(balance),
  "ledger.statement": read(statement),
  "ledger.earnings": read(earnings),
  "ledger.key-spend": read(keySpend),
  "ledger.audit": read(audit),
  "ledger.prune": write(pruneLedger),
  "payouts.request": money(requestPayout, needsOfPayout),
  "payouts.change": money(changePayout, needsOfPayoutChange, moreForPayoutChange),
  "payouts.list": read(listPayouts),
  "outbox.add": write(addMessage),
  "outbox.due": read(dueMessages),
  "outbox.tried": write(messageTried),
  "owner-prices.set": write(setPrice),
  "owner-prices.end": write(endPrice),
  "owner-prices.list": read(listPrices),
  "owner-prices.since": read(pricesSince),
  "admin-actions.put": write(putAction),
  "admin-actions.list": read(listActions),
  "admin-actions.prune": write(pruneActions),
  "notices.put-target": write(putTarget),
  "notices.find-target": read(findTarget),
  "notices.remove-target": write(removeTarget),
  "notices.list-targets": read(listTargets),
  "notices.spread": write(spread),
  "notices.due": read(dueOwn),
  "notices.tested": write(testedOwn),
  "notices.tried": write(triedOwn),
  "notices.prune": write(pruneOwn),
} as const;

export type OperationName = keyof typeof OPERATIONS;
export type InputOf<N extends OperationName> = Parameters<(typeof OPERATIONS)[N]["run"]>[1];
export type ResultOf<N extends OperationName> = Awaited<ReturnType<(typeof OPERATIONS)[N]["run"]>>;

/** One of them as whoever carries it out sees it: it knows the name only. */
export function operationOf(name: OperationName): Operation<unknown, unknown> | MoneyOperation<unknown, unknown> {
  return OPERATIONS[name] as Operation<unknown, unknown> | MoneyOperation<unknown, unknown>;
}

/** What carries operations out. */
export interface Engine {
  /** Resolves once what was asked is kept. @throws StoreError, or the database's own error with its `code` */
  run<N extends OperationName>(name: N, input: InputOf<N>): Promise<ResultOf<N>>;
  /** Ends what runs, takes nothing new, and lets go of the database. Idempotent. */
  close(): Promise<void>;
}

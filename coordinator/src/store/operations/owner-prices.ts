import { sql } from "kysely";
import type { Page } from "../enrolment-store.js";
import type {
  AccountPrices,
  AskedPrice,
  EndResult,
  ListedPrice,
  OwnPrice,
  PriceBounds,
  PriceEnd,
  PriceSubject,
  SetPriceResult,
} from "../price-store.js";
import type { OwnerPriceRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

/** Accounts of one look at most: whoever looks comes again for the others. */
const ACCOUNTS_AT_ONCE = 1_000;

export interface SetPrice {
  readonly price: OwnPrice & { readonly price: AskedPrice };
  readonly bounds: PriceBounds;
}

export async function setPrice(trx: Trx, { price, bounds }: SetPrice): Promise<SetPriceResult> {
  const { account } = price;
  const prices = await pricesOf(trx, account);
  const gone = forgettable(prices, bounds.forgetBeforeMs);
  const replaced = prices.find((one) => isSame(one, price) && one.fromMs === price.fromMs);
  if (replaced !== undefined) gone.add(replaced.id);
  const kept = prices.filter(({ id }) => !gone.has(id));
  if (kept.length >= bounds.perAccount) return { type: "account_full" };
  await remove(trx, gone);
  await trx.insertInto("owner_prices").values(rowOf(price)).execute();
  await changed(trx, account);
  return { type: "set", price: { ...price, untilMs: nextOf(kept, price)?.fromMs } };
}

export async function endPrice(trx: Trx, { id, account, atMs, nowMs, endId }: PriceEnd): Promise<EndResult> {
  const prices = await pricesOf(trx, account);
  const price = prices.find((one) => one.id === id);
  if (price?.price === undefined) return { type: "unknown" };
  const next = nextOf(prices, price);
  const listed = (untilMs: number | undefined): ListedPrice => ({
    ...price,
    price: price.price as AskedPrice,
    untilMs,
  });
  if (price.fromMs > nowMs && atMs <= price.fromMs) {
    // What it would have replaced, or ended, holds on.
    await remove(trx, [id, ...ownEndOf(prices, price)]);
    await changed(trx, account);
    return { type: "withdrawn", price: listed(next?.fromMs) };
  }
  if (next !== undefined && next.fromMs <= atMs) return { type: "over" };
  // A later end is none any more.
  if (next !== undefined && next.price === undefined) await remove(trx, [next.id]);
  // It has just begun, and ends in the same moment.
  if (atMs === price.fromMs) await remove(trx, [id]);
  const end = { ...price, id: endId, fromMs: atMs, price: undefined, createdAtMs: nowMs };
  await trx.insertInto("owner_prices").values(rowOf(end)).execute();
  await changed(trx, account);
  return { type: "ended", price: listed(atMs) };
}

export async function listPrices(trx: Trx, { account, limit, after }: Page): Promise<readonly ListedPrice[]> {
  let query = trx
    .selectFrom("owner_prices as p")
    .selectAll("p")
    .select((eb) =>
      eb
        .selectFrom("owner_prices as n")
        .select(({ fn }) => fn.min("n.from_ms").as("until_ms"))
        .whereRef("n.account", "=", "p.account")
        .whereRef("n.machine", "=", "p.machine")
        .whereRef("n.model", "=", "p.model")
        .whereRef("n.from_ms", ">", "p.from_ms")
        .as("until_ms"),
    )
    .where("p.input", "is not", null);
  if (account !== undefined) query = query.where("p.account", "=", account);
  if (after !== undefined) {
    const last = trx.selectFrom("owner_prices as l").select(["l.created_at_ms", "l.id"]).where("l.id", "=", after);
    query = query.where(sql<boolean>`(p.created_at_ms, p.id) > ${last}`);
  }
  const rows = await query.orderBy("p.created_at_ms").orderBy("p.id").limit(limit).execute();
  return rows.map(({ until_ms, ...row }) => {
    const price = priceOf(row);
    return { ...price, price: price.price as AskedPrice, untilMs: until_ms ?? undefined };
  });
}

export async function pricesSince(
  trx: Trx,
  since: number,
): Promise<{ readonly revision: number; readonly accounts: readonly AccountPrices[] }> {
  const rows = await trx
    .selectFrom((from) =>
      from
        .selectFrom("owner_price_changes")
        .select(["account as changed", "revision"])
        .where("revision", ">", since)
        .orderBy("revision")
        .limit(ACCOUNTS_AT_ONCE)
        .as("c"),
    )
    .leftJoin("owner_prices as p", "p.account", "c.changed")
    .selectAll()
    .orderBy("c.revision")
    .orderBy("p.machine")
    .orderBy("p.model")
    .orderBy("p.from_ms")
    .execute();
  const accounts = new Map<string, OwnPrice[]>();
  for (const { changed: account, revision: _, ...row } of rows) {
    const prices = accounts.get(account) ?? [];
    accounts.set(account, prices);
    // Who has withdrawn all that he asked is told of too.
    if (isPrice(row)) prices.push(priceOf(row));
  }
  return {
    revision: rows.at(-1)?.revision ?? since,
    accounts: [...accounts].map(([account, prices]) => ({ account, prices })),
  };
}

const isPrice = (row: { readonly [C in keyof OwnerPriceRow]: OwnerPriceRow[C] | null }): row is OwnerPriceRow =>
  row.id !== null;

async function pricesOf(trx: Trx, account: string): Promise<readonly OwnPrice[]> {
  const rows = await trx
    .selectFrom("owner_prices")
    .selectAll()
    .where("account", "=", account)
    .orderBy("machine")
    .orderBy("model")
    .orderBy("from_ms")
    .execute();
  return rows.map(priceOf);
}

const isSame = (one: PriceSubject, other: PriceSubject): boolean =>
  one.machine === other.machine && one.model === other.model;

/** @param prices of one account, in order */
function nextOf(prices: readonly OwnPrice[], price: OwnPrice): OwnPrice | undefined {
  return prices.find((one) => isSame(one, price) && one.fromMs > price.fromMs);
}

/**
 * The end that is a price's alone, as nothing before it was ended there already.
 *
 * @param prices of one account, in order
 * @returns its id; none = there is no such end
 */
function ownEndOf(prices: readonly OwnPrice[], price: OwnPrice): readonly string[] {
  const next = nextOf(prices, price);
  if (next === undefined || next.price !== undefined) return [];
  const before = prices.findLast((one) => isSame(one, price) && one.fromMs < price.fromMs);
  return before?.price === undefined || next.createdAtMs >= price.createdAtMs ? [next.id] : [];
}

/** What another has followed for longer than anybody wants to know, and ends that end nothing (any more). */
function forgettable(prices: readonly OwnPrice[], beforeMs: number): Set<string> {
  const gone = new Set<string>();
  for (const [index, one] of prices.entries()) {
    const next = prices[index + 1];
    const isOver = next !== undefined && isSame(next, one) && next.fromMs <= beforeMs;
    const before = prices[index - 1];
    const isBehindPrice = before?.price !== undefined && isSame(before, one);
    const endsNothing = one.price === undefined && (one.fromMs <= beforeMs || !isBehindPrice);
    if (isOver || endsNothing) gone.add(one.id);
  }
  return gone;
}

async function remove(trx: Trx, ids: Iterable<string>): Promise<void> {
  for (const id of ids) await trx.deleteFrom("owner_prices").where("id", "=", id).execute();
}

/** Revisions are in the order in which they hold: two that write at the same time do it one after the other. */
async function changed(trx: Trx, account: string): Promise<void> {
  const { last } = await trx
    .selectFrom("owner_price_changes")
    .select(({ fn }) => fn.max<number | null>("revision").as("last"))
    .executeTakeFirstOrThrow();
  const revision = (last ?? 0) + 1;
  await trx
    .insertInto("owner_price_changes")
    .values({ account, revision })
    .onConflict((conflict) => conflict.column("account").doUpdateSet({ revision }))
    .execute();
}

function rowOf({ id, account, machine, model, fromMs, price, createdAtMs }: OwnPrice): OwnerPriceRow {
  return {
    id,
    account,
    machine: machine ?? "",
    model,
    from_ms: fromMs,
    input: price === undefined ? null : Number(price.input),
    output: price === undefined ? null : Number(price.output),
    cached_input: price === undefined ? null : Number(price.cachedInput),
    created_at_ms: createdAtMs,
  };
}

function priceOf(row: OwnerPriceRow): OwnPrice {
  const { id, account, machine, model, input, output, cached_input: cached } = row;
  return {
    id,
    account,
    machine: machine === "" ? undefined : machine,
    model,
    fromMs: row.from_ms,
    price:
      input === null || output === null || cached === null
        ? undefined
        : { input: BigInt(input), output: BigInt(output), cachedInput: BigInt(cached) },
    createdAtMs: row.created_at_ms,
  };
}

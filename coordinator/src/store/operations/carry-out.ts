import {
  Book,
  type Needs,
  type PostedWork,
  type RowOf,
  type SpendKey,
  spendKeyOf,
  type WrittenEntries,
} from "./money/book.js";
import { type BookSql, jsonOf, type Statement } from "./money/book-sql.js";
import { accountsOf } from "./money/ledger-accounts.js";
import type { MoneyOperation } from "./operation.js";
import { storableData } from "./storable.js";

/** A transaction in progress, as a book is read from it. */
export interface BookSource {
  readonly sql: BookSql;
  /** Carries them out in their order. @returns the rows of each */
  readonly rows: (statements: readonly Statement[]) => Promise<readonly (readonly unknown[])[]>;
}

export interface MoneyRequest {
  readonly operation: MoneyOperation<unknown, unknown>;
  readonly input: unknown;
}

type Attempt<T> = { readonly type: "done"; readonly result: T } | { readonly type: "failed"; readonly error: unknown };

export type MoneyAnswer = Attempt<unknown>;

export interface CarriedOut {
  /** One for each request, in their order: they hold once the writes do. One that has failed has changed nothing. */
  readonly answers: readonly MoneyAnswer[];
  /** What has to be carried out before the transaction is committed. */
  readonly writes: readonly Statement[];
}

/**
 * Carries money operations out, one after the other, on what the database has.
 *
 * @param foreseen rows that the same requests turned out to need when they were carried out before; added to
 * @throws BeginAgain; what the source does
 */
export async function carryOut(
  source: BookSource,
  requests: readonly MoneyRequest[],
  foreseen: Needs[] = [],
): Promise<CarriedOut> {
  const book = new Book();
  const asked = requests.map(({ operation, input }) =>
    attempt(() => {
      const kept = storableData(input);
      return { operation, input: kept, needs: operation.needs(kept) };
    }),
  );
  const sound = asked.flatMap((one) => (one.type === "done" ? one.result : []));
  await load(source, book, [...sound.map(({ needs }) => needs), ...foreseen]);
  const loadMore = (more: readonly Needs[]): Promise<void> => {
    // Behind those that it has, they would be taken out of the order.
    if (source.sql.count !== undefined && new Wanted(book, more).isTaken) {
      foreseen.push(...more);
      throw new BeginAgain("More rows have to be taken than was known before they were read.");
    }
    return load(source, book, more);
  };
  await loadMore(sound.map(({ operation, input }) => operation.more(book, input)));
  const answers: MoneyAnswer[] = [];
  for (const one of asked) {
    if (one.type === "failed") answers.push(one);
    else {
      const { operation, input } = one.result;
      // Those before it may have made it need something else.
      await loadMore([operation.more(book, input)]);
      answers.push(attempt(() => book.attempt(() => operation.run(book, input))));
    }
  }
  return { answers, writes: writesOf(source.sql, book) };
}

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { type: "done", result: work() };
  } catch (error) {
    return { type: "failed", error };
  }
}

/** What to read: keys of each table that are not known yet. */
class Wanted {
  readonly reservations: string[];
  readonly payouts: string[];
  readonly transfers: string[];
  readonly accounts: string[];
  readonly works: string[];
  readonly entries: string[];
  readonly spends: readonly SpendKey[];

  constructor(book: Book, needs: readonly Needs[]) {
    const of = (member: Exclude<keyof Needs, "spends">, kept: { knows(key: string): boolean }): string[] => [
      ...new Set(needs.flatMap((need) => need[member] ?? []).filter((key) => !kept.knows(key))),
    ];
    this.reservations = of("reservations", book.reservations);
    this.payouts = of("payouts", book.payouts);
    this.transfers = of("transfers", book.transfers);
    this.accounts = of("accounts", book.accounts);
    this.works = of("works", book.works);
    this.entries = of("entries", book.written);
    this.spends = needs.flatMap((need) => need.spends ?? []).filter((key) => !book.spends.knows(spendKeyOf(key)));
  }

  /** Some of it is to be this transaction's alone. */
  get isTaken(): boolean {
    return [this.reservations, this.payouts, this.spends, this.accounts].some(({ length }) => length > 0);
  }
}

/** Reads what is needed and not known yet. @throws BeginAgain; what the source does */
async function load(source: BookSource, book: Book, needs: readonly Needs[]): Promise<void> {
  const wanted = new Wanted(book, needs);
  const { reservations, payouts, transfers, accounts, works, entries } = wanted;
  const { sql } = source;
  const { selects } = sql;
  const reading = new Reading();
  const ofSpends = [
    ...[wanted.spends.map(({ keyId }) => keyId), reservations],
    ...[wanted.spends.map(({ windowStartMs }) => windowStartMs), reservations],
  ];
  const ofAccounts = [accounts, reservations, reservations];
  // In the order in which everybody takes rows.
  const foundReservations = reading.ask<RowOf<"reservations">>(selects.reservations, [reservations]);
  const foundPayouts = reading.ask<RowOf<"payouts">>(selects.payouts, [payouts]);
  const foundSpends = reading.ask<RowOf<"key_spend">>(selects.key_spend, ofSpends);
  const foundAccounts = reading.ask<RowOf<"ledger_accounts">>(selects.ledger_accounts, ofAccounts);
  const foundTransfers = reading.ask<RowOf<"transfers">>(selects.transfers, [transfers]);
  const foundWorks = reading.ask<RowOf<"work_parts">>(selects.work_parts, [works]);
  const foundEntries = reading.ask<RowOf<"entries">>(selects.entries, [entries]);
  const counted =
    sql.count === undefined ? undefined : reading.ask<Count>(sql.count, [reservations, ...ofSpends, ...ofAccounts]);
  await reading.read(source);
  const count = foundReservations().length + foundSpends().length + foundAccounts().length;
  if (counted !== undefined && (counted()[0]?.count ?? 0) !== count) {
    // While some rows were waited for, others have come that were not there before: what was read is of no one moment.
    throw new BeginAgain("Others have added what was just looked for.");
  }
  const found = foundReservations();
  book.reservations.load(reservations, found);
  book.payouts.load(payouts, foundPayouts());
  book.spends.load([...wanted.spends, ...spendKeysOf(found)].map(spendKeyOf), foundSpends());
  book.accounts.load([...accounts, ...found.flatMap(({ payer }) => accountsOf(payer))], foundAccounts());
  book.transfers.load(transfers, foundTransfers());
  book.works.load(works, worksOf(foundWorks()));
  book.written.load(entries, entriesOf(entries, foundEntries()));
}

interface Count {
  readonly count: number;
}

/** The transaction has to be begun again. */
export class BeginAgain extends Error {
  constructor(why: string) {
    super(why);
    this.name = "BeginAgain";
  }
}

/** Statements that are sent at once. */
class Reading {
  readonly #statements: Statement[] = [];
  #results: readonly (readonly unknown[])[] = [];

  /** @returns what gives the rows once they have been read; none, and nothing is asked, where every list is empty */
  ask<Row>(sql: string, lists: readonly (readonly unknown[])[]): () => readonly Row[] {
    if (lists.every((list) => list.length === 0)) return () => [];
    const n = this.#statements.push({ sql, values: lists.map(jsonOf) }) - 1;
    return () => (this.#results[n] ?? []) as readonly Row[];
  }

  async read({ rows }: BookSource): Promise<void> {
    if (this.#statements.length > 0) this.#results = await rows(this.#statements);
  }
}

function spendKeysOf(reservations: readonly RowOf<"reservations">[]): SpendKey[] {
  return reservations.flatMap(({ key_id, window_start_ms }) =>
    key_id === null || window_start_ms === null ? [] : [{ keyId: key_id, windowStartMs: window_start_ms }],
  );
}

function worksOf(rows: readonly RowOf<"work_parts">[]): PostedWork[] {
  const works = new Map<string, RowOf<"work_parts">[]>();
  for (const row of [...rows].sort((one, other) => one.n - other.n)) {
    works.set(row.reservation_id, [...(works.get(row.reservation_id) ?? []), row]);
  }
  return [...works].map(([reservationId, parts]) => ({ reservationId, parts }));
}

/** What has become of the book. */
function writesOf(sql: BookSql, book: Book): readonly Statement[] {
  const { reservations, payouts, spends, accounts, transfers, works, entries, earnings, outbox } = book;
  return [
    ...sql.insert("reservations", reservations.changed(false)),
    ...sql.update("reservations", reservations.changed(true)),
    ...sql.insert("payouts", payouts.changed(false)),
    ...sql.update("payouts", payouts.changed(true)),
    ...sql.insert("key_spend", spends.changed(false)),
    ...sql.update("key_spend", spends.changed(true)),
    ...sql.insert("ledger_accounts", accounts.changed(false)),
    ...sql.update("ledger_accounts", accounts.changed(true)),
    ...sql.insert("transfers", transfers.changed(false)),
    ...sql.insert("entries", entries.rows),
    ...sql.insert(
      "work_parts",
      works.changed(false).flatMap(({ parts }) => parts),
    ),
    ...sql.add(sumsOf(earnings.rows)),
    ...sql.tell(outbox.rows),
  ];
}

function entriesOf(transfers: readonly string[], rows: readonly RowOf<"entries">[]): WrittenEntries[] {
  return transfers.map((transferId) => ({
    transferId,
    entries: rows.filter(({ transfer_id }) => transfer_id === transferId),
  }));
}

/** One row for each sum, in the order of their keys: one statement cannot add to a row twice. */
function sumsOf(rows: readonly RowOf<"earnings">[]): readonly RowOf<"earnings">[] {
  const sums = new Map<string, RowOf<"earnings">>();
  for (const row of rows) {
    const key = JSON.stringify([row.account, row.hour_ms, row.machine, row.model]);
    const before = sums.get(key);
    sums.set(key, before === undefined ? row : added(before, row));
  }
  return [...sums].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

function added(one: RowOf<"earnings">, other: RowOf<"earnings">): RowOf<"earnings"> {
  return {
    ...one,
    gross: BigInt(one.gross) + BigInt(other.gross),
    fee: BigInt(one.fee) + BigInt(other.fee),
    net: BigInt(one.net) + BigInt(other.net),
    requests: one.requests + other.requests,
    prompt_tokens: one.prompt_tokens + other.prompt_tokens,
    completion_tokens: one.completion_tokens + other.completion_tokens,
  };
}

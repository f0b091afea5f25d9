import type { InsertType, SelectType } from "kysely";
import type { MoneyTables } from "../../schema/money-tables.js";

/** A row as operations see it: as it was read, or as it is to be written. */
export type RowOf<T extends keyof MoneyTables> = {
  readonly [C in keyof MoneyTables[T]]: SelectType<MoneyTables[T][C]> | InsertType<MoneyTables[T][C]>;
};

/** What a reservation was posted for. */
export interface PostedWork {
  readonly reservationId: string;
  readonly parts: readonly RowOf<"work_parts">[];
}

/** What a transfer has moved. */
export interface WrittenEntries {
  readonly transferId: string;
  readonly entries: readonly Omit<RowOf<"entries">, "seq">[];
}

export interface SpendKey {
  readonly keyId: string;
  readonly windowStartMs: number;
}

/** What an operation has to see before it can run. A reservation comes with its payer's accounts and its budget. */
export interface Needs {
  readonly reservations?: readonly string[];
  readonly payouts?: readonly string[];
  readonly transfers?: readonly string[];
  readonly spends?: readonly SpendKey[];
  readonly accounts?: readonly string[];
  /** Reservations whose posted work is compared with another. */
  readonly works?: readonly string[];
  /** Transfers whose entries are compared with another's. */
  readonly entries?: readonly string[];
}

export function spendKeyOf({ keyId, windowStartMs }: SpendKey): string {
  return `${windowStartMs}/${keyId}`;
}

type Undo = () => void;

interface Kept<Row> {
  readonly row: Row | undefined;
  readonly isStored: boolean;
  readonly isChanged: boolean;
}

/** The rows of one table that somebody has asked for, and what has become of them. */
export class KeptRows<Row> {
  readonly #keyOf: (row: Row) => string;
  readonly #undo: Undo[];
  readonly #kept = new Map<string, Kept<Row>>();

  constructor(undo: Undo[], keyOf: (row: Row) => string) {
    this.#undo = undo;
    this.#keyOf = keyOf;
  }

  knows(key: string): boolean {
    return this.#kept.has(key);
  }

  /** What the database has under these keys, which nobody else changes until this transaction ends. */
  load(keys: Iterable<string>, rows: readonly Row[]): void {
    for (const row of rows) this.#keep(this.#keyOf(row), { row, isStored: true, isChanged: false });
    for (const key of keys) this.#keep(key, { row: undefined, isStored: false, isChanged: false });
  }

  /** @throws for one that has not been asked for: it may be there, and somebody may be changing it */
  get(key: string): Row | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) throw new Error("An operation looks at a row that it has not asked for.");
    return kept.row;
  }

  put(row: Row): void {
    const key = this.#keyOf(row);
    const before = this.#kept.get(key);
    this.#undo.push(() => (before === undefined ? this.#kept.delete(key) : this.#kept.set(key, before)));
    this.#kept.set(key, { row, isStored: before?.isStored ?? false, isChanged: true });
  }

  /** By their keys, as everybody writes them: nobody waits for somebody who waits for him. */
  changed(isStored: boolean): readonly Row[] {
    const some = [...this.#kept].filter(([, kept]) => kept.isChanged && kept.isStored === isStored);
    some.sort(([one], [other]) => (one < other ? -1 : 1));
    return some.flatMap(([, { row }]) => (row === undefined ? [] : [row]));
  }

  #keep(key: string, kept: Kept<Row>): void {
    if (!this.#kept.has(key)) this.#kept.set(key, kept);
  }
}

/** Rows of a table that operations only add to. */
export class AddedRows<Row> {
  readonly rows: Row[] = [];
  readonly #undo: Undo[];

  constructor(undo: Undo[]) {
    this.#undo = undo;
  }

  add(row: Row): void {
    this.rows.push(row);
    this.#undo.push(() => this.rows.pop());
  }
}

/**
 * The money that a group of operations is about, in memory: they see and change it one after the other, and what they
 * have changed is written in the end. The rules of money work on this alone, whatever database it comes from.
 */
export class Book {
  readonly #undo: Undo[] = [];
  readonly reservations: KeptRows<RowOf<"reservations">> = new KeptRows(this.#undo, ({ id }) => id);
  readonly payouts: KeptRows<RowOf<"payouts">> = new KeptRows(this.#undo, ({ id }) => id);
  readonly transfers: KeptRows<RowOf<"transfers">> = new KeptRows(this.#undo, ({ id }) => id);
  readonly accounts: KeptRows<RowOf<"ledger_accounts">> = new KeptRows(this.#undo, ({ id }) => id);
  readonly spends: KeptRows<RowOf<"key_spend">> = new KeptRows(this.#undo, spendKeyOfRow);
  readonly works: KeptRows<PostedWork> = new KeptRows(this.#undo, ({ reservationId }) => reservationId);
  readonly entries: AddedRows<Omit<RowOf<"entries">, "seq">> = new AddedRows(this.#undo);
  /** Entries that the database has already. */
  readonly written: KeptRows<WrittenEntries> = new KeptRows(this.#undo, ({ transferId }) => transferId);
  /** What is to be added to the sums that are kept by hour. */
  readonly earnings: AddedRows<RowOf<"earnings">> = new AddedRows(this.#undo);
  readonly outbox: AddedRows<RowOf<"outbox">> = new AddedRows(this.#undo);

  /** All that `work` does stays, or, when it throws, nothing. */
  attempt<T>(work: () => T): T {
    this.#undo.length = 0;
    try {
      return work();
    } catch (error) {
      for (const undo of this.#undo.splice(0).reverse()) undo();
      throw error;
    }
  }
}

function spendKeyOfRow({ key_id, window_start_ms }: RowOf<"key_spend">): string {
  return spendKeyOf({ keyId: key_id, windowStartMs: window_start_ms });
}

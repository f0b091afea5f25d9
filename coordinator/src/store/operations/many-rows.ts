import { type Compilable, CompiledQuery } from "kysely";
import type { Trx } from "./operation.js";

/** Rows of one statement at most, a power of two: a statement may have 32,766 values in SQLite and 65,535 in PostgreSQL. */
const MOST_ROWS = 128;

/**
 * An INSERT of any number of rows. Its text is made once for each power of two, and rows go out in groups of these: to
 * have every number of rows spelled and prepared anew takes several times as long as to carry it out.
 */
export class ManyRows<Row extends object, Kept = unknown> {
  readonly #spell: (trx: Trx, rows: readonly Row[]) => Compilable<Kept>;
  readonly #texts = new WeakMap<Trx, Map<number, string>>();

  /** @param spell the statement, whose only values are those of the rows, each in the order of its members */
  constructor(spell: (trx: Trx, rows: readonly Row[]) => Compilable<Kept>) {
    this.#spell = spell;
  }

  /** @returns what the statement gives of each row */
  async insert(trx: Trx, rows: readonly Row[]): Promise<readonly Kept[]> {
    const kept: Kept[] = [];
    for (const some of groups(rows)) {
      const values = some.flatMap((row) => Object.values(row) as unknown[]);
      const result = await trx.executeQuery<Kept>(
        CompiledQuery.raw(this.#text(trx, some), values) as CompiledQuery<Kept>,
      );
      for (const row of result.rows) kept.push(row);
    }
    return kept;
  }

  #text(trx: Trx, rows: readonly Row[]): string {
    const texts = this.#texts.get(trx) ?? new Map<number, string>();
    this.#texts.set(trx, texts);
    const text = texts.get(rows.length) ?? this.#spell(trx, rows).compile().sql;
    texts.set(rows.length, text);
    return text;
  }
}

/** As few groups as powers of two come to their number. */
function* groups<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  let size = MOST_ROWS;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}

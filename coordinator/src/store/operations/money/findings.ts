import type { Mismatch } from "../../ledger-reports.js";

/** Rows that are read at a time: a statement of PostgreSQL has a time limit, and no table fits into memory. */
const PAGE = 500;

/** What is found on the way, up to a limit. */
export class Findings {
  readonly #limit: number;
  readonly mismatches: Mismatch[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many more are listed. */
  get left(): number {
    return Math.max(1, this.#limit - this.mismatches.length);
  }

  equal(check: string, subject: string, expected: bigint, found: bigint): void {
    if (expected !== found) this.add(check, subject, String(expected), String(found));
  }

  add(check: string, subject: string, expected: string, found: string): void {
    if (this.mismatches.length < this.#limit) this.mismatches.push({ check, subject, expected, found });
  }
}

/** Calls `look` with one page of rows after the other until one is short. @returns how many rows there were */
export async function inPages<Row>(
  read: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
  look: (page: readonly Row[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (let last: Row | undefined; ; ) {
    const page = await read(last, PAGE);
    if (page.length > 0) await look(page);
    count += page.length;
    last = page.at(-1);
    if (page.length < PAGE) return count;
  }
}

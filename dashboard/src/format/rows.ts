/** What a column's cells are compared and searched by. */
export type CellValue = string | number | null | undefined;

export interface Order {
  readonly column: string;
  readonly descending: boolean;
}

/** Rows in the order of one value each; those without one come last, whichever way. Ties keep their order. */
export function sorted<T>(rows: readonly T[], cellOf: (row: T) => CellValue, descending: boolean): readonly T[] {
  const keyed = rows.map((row) => ({ row, value: cellOf(row) ?? undefined }));
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined)
      return Number(a.value === undefined) - Number(b.value === undefined);
    return descending ? compare(b.value, a.value) : compare(a.value, b.value);
  });
  return keyed.map(({ row }) => row);
}

const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

const compare = (a: string | number, b: string | number): number =>
  typeof a === "number" && typeof b === "number" ? a - b : COLLATOR.compare(String(a), String(b));

/** Rows in whose text each of the words stands somewhere. */
export function filtered<T>(rows: readonly T[], textOf: (row: T) => string, words: string): readonly T[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return rows;
  return rows.filter((row) => {
    const text = textOf(row).toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** Rows in columns, two spaces apart, below a row of titles. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return columns([titles.map((title) => title.toUpperCase()), ...rows]);
}

/** One thing by its members, one a line. */
export function facts(members: Readonly<Record<string, string>>): string {
  return columns(Object.entries(members));
}

function columns(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map((cell) => (cell === "" ? "-" : harmless(cell))));
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Others choose names and reasons: none of them may tell the operator's terminal what to do. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what terminals obey
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** Seconds since 1970 as people read them; empty = never. */
export const time = (seconds: number | null): string =>
  seconds === null ? "" : `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")}Z`;

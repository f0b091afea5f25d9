import type { Context } from "hono";
import type { HttpEnv } from "../routing.js";

/**
 * Rows as CSV (RFC 4180), the names of the first one's members before them. A text that a spreadsheet would take for a
 * formula gets an apostrophe in front of it.
 */
export function toCsv(rows: readonly object[]): string {
  const [first] = rows;
  if (first === undefined) return "";
  const names = Object.keys(first);
  const lines = rows.map((row) => names.map((name) => field(Reflect.get(row, name))).join(","));
  return [names.join(","), ...lines, ""].join("\r\n");
}

function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return quoted(typeof value === "object" ? JSON.stringify(value) : String(value));
  return quoted(/^[=+\-@\t\r\n＝＋－＠]/u.test(value) ? `'${value}` : value);
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * Answers with rows as a file, and says in a header whether there are more: a file that only ends looks whole.
 *
 * @param name of the file, without its ending
 */
export function csvAnswer(c: Context<HttpEnv>, name: string, rows: readonly object[], hasMore: boolean): Response {
  c.header("X-Hearth-Has-More", String(hasMore));
  c.header("Content-Type", "text/csv; charset=utf-8");
  c.header("Content-Disposition", `attachment; filename="${name}.csv"`);
  return c.body(toCsv(rows));
}

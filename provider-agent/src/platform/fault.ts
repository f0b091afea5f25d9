/** What may be logged of an error that nobody expected. */
export interface Fault {
  readonly name: string;
  /** Node's own code, like `ECONNREFUSED`. */
  readonly code?: string;
  readonly at?: string;
}

/**
 * Describes an error without its message, which may quote what was being worked on: a `SyntaxError` of `JSON.parse`
 * holds a piece of its input.
 */
export function describeFault(error: unknown): Fault {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  const at = frames.slice(0, 4).map((line) => line.trim());
  return { name: error.name, ...code, ...(at.length === 0 ? {} : { at: at.join(" < ") }) };
}

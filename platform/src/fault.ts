/** What may be logged of an error that nobody expected. */
export interface Fault {
  readonly name: string;
  /** Node's own code, like `ECONNREFUSED`. */
  readonly code: string | undefined;
  /** Where it was thrown. */
  readonly at: readonly string[];
}

/**
 * Describes an error without its message, which may quote what was being worked on: the `SyntaxError` of `JSON.parse`
 * holds a piece of its input, and that is a prompt.
 */
export function describeFault(thrown: unknown): Fault {
  if (!(thrown instanceof Error)) return { name: typeof thrown, code: undefined, at: [] };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
  const at = (thrown.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  return { name: thrown.name, code, at: at.slice(0, 6).map((line) => line.trim()) };
}

/** Members whose value is a secret; of headers to backends, anything may be one. */
const SECRET = /(^|[._])(key|backendKey|token)$/i;
const HEADER_VALUES = /^(set|replace)$/;

/** A copy that can be shown: secrets are replaced by `"(hidden)"`. */
export function redacted<T extends object>(value: T): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value, hide)) as Readonly<Record<string, unknown>>;
}

function hide(name: string, value: unknown): unknown {
  if (typeof value === "string" && SECRET.test(name)) return "(hidden)";
  if (HEADER_VALUES.test(name) && value !== null && typeof value === "object") {
    return Object.fromEntries(Object.keys(value).map((header) => [header, "(hidden)"]));
  }
  // One header set by its own key.
  if (typeof value === "string" && /\.headers\.(set|replace)\./.test(name)) return "(hidden)";
  return value;
}

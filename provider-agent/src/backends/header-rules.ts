import { validateHeaderName, validateHeaderValue } from "node:http";

/** What the owner changes about the headers of calls to a backend. Names are compared without case. */
export interface HeaderRules {
  /** Added where the header is absent. */
  readonly set?: Readonly<Record<string, string>>;
  /** Removed. */
  readonly block?: readonly string[];
  /** Put in place of a value that is there. */
  readonly replace?: Readonly<Record<string, string>>;
}

export type Headers = Readonly<Record<string, string | number>>;

/**
 * Headers that belong to the connection or frame the body (RFC 9110 §7.6.1, RFC 9112 §6): a rule for one of these would
 * break the call or let it be read as two.
 */
const CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** @returns everything that is wrong with the rules, without the values, which may be secret */
export function headerRuleProblems(rules: HeaderRules): readonly string[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const entries = [
    ...Object.entries(rules.set ?? {}).map(([name, value]) => ({ rule: "set", name, value })),
    ...(rules.block ?? []).map((name) => ({ rule: "block", name, value: undefined })),
    ...Object.entries(rules.replace ?? {}).map(([name, value]) => ({ rule: "replace", name, value })),
  ];
  for (const { rule, name, value } of entries) {
    const key = name.toLowerCase();
    const problem = nameProblem(key) ?? valueProblem(name, value);
    if (problem !== undefined) problems.push(`${rule}: ${JSON.stringify(name.slice(0, 64))} ${problem}`);
    const before = seen.get(key);
    if (before !== undefined) problems.push(`${rule}: ${JSON.stringify(name.slice(0, 64))} is in ${before} already`);
    seen.set(key, rule);
  }
  return problems;
}

/** Applies rules that {@link headerRuleProblems} finds nothing wrong with. */
export function applyHeaderRules(headers: Headers, rules: HeaderRules | undefined): Headers {
  if (rules === undefined) return headers;
  const result = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), { name, value }]));
  for (const name of rules.block ?? []) result.delete(name.toLowerCase());
  for (const [name, value] of Object.entries(rules.replace ?? {})) {
    if (result.has(name.toLowerCase())) result.set(name.toLowerCase(), { name, value });
  }
  for (const [name, value] of Object.entries(rules.set ?? {})) {
    if (!result.has(name.toLowerCase())) result.set(name.toLowerCase(), { name, value });
  }
  return Object.fromEntries([...result.values()].map(({ name, value }) => [name, value]));
}

function nameProblem(key: string): string | undefined {
  if (CONNECTION.has(key)) return "belongs to the connection";
  if (key === "authorization") return "is made from the backend's key";
  return isRefused(() => validateHeaderName(key)) ? "is no name of an HTTP header" : undefined;
}

function valueProblem(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  return isRefused(() => validateHeaderValue(name, value)) ? "has a value that a header cannot hold" : undefined;
}

function isRefused(check: () => void): boolean {
  try {
    check();
    return false;
  } catch {
    return true;
  }
}

import type { CountTokensBody } from "./parse.js";

type System = NonNullable<CountTokensBody["system"]>;

const BILLING_LINES = /^(?:x-anthropic-billing-header:[^\n]*(?:\n+|$))+/i;

/**
 * What the system says without the lines that Claude Code puts before it for Anthropic's accounts: they change from one
 * version, and from one request, to the next, and everything behind them would be new to a backend's cache.
 *
 * @returns the same value where there are none; nothing where there is nothing else
 */
export function withoutBillingLines(system: System): System | undefined {
  if (typeof system === "string") {
    const rest = system.replace(BILLING_LINES, "");
    return rest === "" ? undefined : rest;
  }
  if (!system.some(({ text }) => BILLING_LINES.test(text))) return system;
  const rest = system.flatMap((block) => {
    const text = block.text.replace(BILLING_LINES, "");
    return text === "" ? [] : [text === block.text ? block : { ...block, text }];
  });
  return rest.length === 0 ? undefined : rest;
}

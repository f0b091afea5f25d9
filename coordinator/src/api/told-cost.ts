import { type JsonObjectText, memberSplices, readMembers, splice } from "@hearth/dialects";
import { dollarText } from "../platform/decimal-text.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { CostWriter } from "../request/consumer.js";

/**
 * Writes what an answer has cost into its usage as `cost`, a number of US dollars as OpenRouter has it, for dialects whose
 * usage has room for that. All other bytes stay as they came. What has no usage stays as it is.
 */
export const COST_IN_USAGE: CostWriter = {
  whole(body, cost) {
    if (body instanceof Uint8Array) {
      const written = withCost(textOf(body), cost);
      return written === undefined ? body : Buffer.from(written);
    }
    const { usage } = body as { readonly usage?: unknown };
    if (typeof usage !== "object" || usage === null) return body;
    return { ...body, usage: { ...usage, cost: Number(dollarText(cost)) } };
  },
  event(event, cost) {
    const text = typeof event === "string" ? event : textOf(event);
    const data = dataOf(text);
    const written = data && withCost(text.slice(data.start, data.end), cost);
    return data === undefined || written === undefined ? event : splice(text, [{ ...data, text: written }]);
  },
};

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

/** Where the data of a server-sent event is that has it in one line. */
function dataOf(event: string): { readonly start: number; readonly end: number } | undefined {
  const [line, ...others] = event.matchAll(/^(data: ?)([^\r\n]*)/gm);
  if (line === undefined || others.length > 0) return undefined;
  const start = line.index + (line[1] ?? "").length;
  return { start, end: start + (line[2] ?? "").length };
}

/** @returns `undefined` for what has no usage: neither its own nor that of the response that it is about */
function withCost(json: string, cost: MicroUsd): string | undefined {
  const inUsage = (text: string): string | undefined => edited(text, "usage", (usage) => priced(usage, cost));
  return inUsage(json) ?? edited(json, "response", inUsage);
}

/**
 * An object with one of its members edited; of one that occurs twice the last counts.
 *
 * @returns `undefined` where there is nothing to edit
 */
function edited(json: string, name: string, edit: (value: string) => string | undefined): string | undefined {
  const member = objectOf(json)?.members.findLast(({ key }) => key === name);
  if (member === undefined) return undefined;
  const { start, end } = member;
  const text = edit(json.slice(start, end));
  return text === undefined ? undefined : splice(json, [{ start, end, text }]);
}

function priced(usage: string, cost: MicroUsd): string | undefined {
  const object = objectOf(usage);
  return object && splice(usage, memberSplices(object, new Map([["cost", dollarText(cost)]])));
}

function objectOf(json: string): JsonObjectText | undefined {
  const result = readMembers(json);
  return result.type === "object" ? result.object : undefined;
}

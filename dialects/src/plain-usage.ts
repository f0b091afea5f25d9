import type { ChatUsage } from "./chat-completions/read-event.js";
import { isObject } from "./provider-json.js";
import { readCounts, readDetails, type UsageDetails } from "./token-usage.js";

/**
 * A usage in the form that OpenAI's clients know: its three counts, thoughts among what was written, and what was cached
 * and thought in the details. The same object where there is nothing to change; `undefined` where it does not tell what
 * was read and written.
 */
export function plainUsage(usage: ChatUsage | null | undefined): ChatUsage | null | undefined {
  if (usage === undefined || usage === null) return usage;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  const isWhole = isCount(prompt) && isCount(completion) && isCount(total);
  const { prompt_tokens: prompted, completion_tokens: completed } = readCounts(usage) ?? {};
  if (prompted === undefined || completed === undefined) return isWhole ? usage : undefined;
  const details = missingDetails(usage, readDetails(usage));
  if (isWhole && prompted === prompt && completed === completion && details === undefined) return usage;
  return {
    ...usage,
    ...details,
    prompt_tokens: prompted,
    completion_tokens: completed,
    total_tokens: isCount(total) ? total : prompted + completed,
  };
}

/** Details that stand elsewhere; `undefined` where there are none. */
function missingDetails(usage: ChatUsage, { cached, reasoning }: UsageDetails): object | undefined {
  const details = {
    ...missing(usage, ["prompt_tokens_details", "cached_tokens"], cached),
    ...missing(usage, ["completion_tokens_details", "reasoning_tokens"], reasoning),
  };
  return Object.keys(details).length === 0 ? undefined : details;
}

function missing(usage: ChatUsage, [member, name]: readonly [string, string], count: number | undefined): object {
  const told = isObject(usage[member]) ? usage[member] : {};
  return !count || isCount(told[name]) ? {} : { [member]: { ...told, [name]: count } };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

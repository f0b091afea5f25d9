import { isObject } from "./provider-json.js";

/** Longer ones are no reason that anybody has published. */
const LONGEST = 32;

/**
 * Why the model stopped, in the words of its backend's own dialect (`stop`, `length`, `end_turn`, `max_output_tokens` …):
 * looked for in an event, or in the whole body, that ends an answer. `undefined` where it does not say.
 */
export function stopReasonOf(parsed: unknown): string | undefined {
  if (!isObject(parsed)) return undefined;
  const { choices, delta, response } = parsed;
  const [choice]: unknown[] = Array.isArray(choices) ? choices : [];
  return (
    reason(choice, "finish_reason") ??
    reason(delta, "stop_reason") ??
    reason(parsed, "stop_reason") ??
    ofResponse(response)
  );
}

function reason(holder: unknown, name: string): string | undefined {
  const value = isObject(holder) ? holder[name] : undefined;
  return typeof value === "string" && /^\w+$/.test(value) && value.length <= LONGEST ? value : undefined;
}

/** The Responses API names a reason only for what is not complete. */
function ofResponse(response: unknown): string | undefined {
  if (!isObject(response)) return undefined;
  return reason(response["incomplete_details"], "reason") ?? reason(response, "status");
}

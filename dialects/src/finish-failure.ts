import { isObject } from "./provider-json.js";

/** What of a choice tells that it has failed. */
interface EndedChoice {
  readonly finish_reason?: unknown;
  readonly error?: unknown;
}

/**
 * Reasons for an end that are failures: what has come by then is no answer. vLLM and SGLang say `abort`, gateways
 * `error`, DeepSeek `insufficient_system_resource` (api-docs.deepseek.com, "Create Chat Completion").
 */
const FAILED_REASONS: ReadonlyMap<unknown, number> = new Map([
  ["abort", 502],
  ["aborted", 502],
  ["cancelled", 502],
  ["error", 502],
  ["failed", 502],
  ["insufficient_system_resource", 503],
]);

/** The error that a choice ended with: its own, or one in our words; `undefined` where none has failed. */
export function failureOf(choices: readonly object[]): unknown {
  for (const { finish_reason: reason, error } of choices as readonly EndedChoice[]) {
    if (isObject(error) || (typeof error === "string" && error !== "")) return error;
    const code = FAILED_REASONS.get(typeof reason === "string" ? reason.toLowerCase() : reason);
    if (code !== undefined) return { code, message: `The backend ended the answer by '${String(reason)}'.` };
  }
  return undefined;
}

import type { LlamaContextSequence } from "node-llama-cpp";

/** One sequence of the context, and whose text its cache still holds. */
export interface Slot {
  readonly sequence: LlamaContextSequence;
  /** The `prompt_cache_key` of the last request, if it had one. */
  cacheKey: string | undefined;
}

/**
 * Which slot suits a request: its own earlier one best, then one whose cache nobody can use.
 *
 * A cache is reused only under the same key. Without that, the time to the first token would tell a consumer which
 * beginnings of prompts others have sent.
 */
export function slotPreference(cacheKey: string | undefined): (slot: Slot) => number {
  return (slot) => {
    if (slot.cacheKey === undefined) return 1;
    return slot.cacheKey === cacheKey ? 2 : 0;
  };
}

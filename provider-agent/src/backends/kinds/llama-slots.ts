import { z } from "zod";
import type { ServerSign } from "../sign-watch.js";

const count = z.number().int().nonnegative().optional().catch(undefined);
const tokenSchema = z.object({ n_decoded: count });

/**
 * What `/slots` tells of one slot, prompts and parameters left out. As of b11669; versions of 2025 have `next_token` as
 * an object and no count of the prompt, older ones `n_past` and `n_decoded` in the slot itself.
 */
const slotSchema = z.object({
  id: z.number().int(),
  id_task: z.number().int().optional().catch(undefined),
  is_processing: z.boolean(),
  n_prompt_tokens_processed: count,
  n_past: count,
  n_decoded: count,
  next_token: z
    .union([tokenSchema, z.array(tokenSchema).transform(([first]) => first)])
    .optional()
    .catch(undefined),
});

type Slot = z.infer<typeof slotSchema>;

/**
 * The counters of what slots work on. That one is processing says nothing by itself.
 *
 * @param model of a router's, whose slots these are
 */
export function signsOfSlots(json: unknown, model?: string): readonly ServerSign[] {
  const slots = z.array(slotSchema).safeParse(json).data ?? [];
  const working = slots.filter((slot) => slot.is_processing);
  const hasRoom = working.length < slots.length;
  const isOnly = working.length === 1;
  const of: ServerSign["of"] = isOnly
    ? { type: "only_request", hasRoom, ...(model === undefined ? {} : { model }) }
    : { type: "server" };
  return working.flatMap((slot) => countersOf(slot, model ?? "").map((counter) => ({ ...counter, of })));
}

function countersOf(slot: Slot, model: string): readonly Omit<ServerSign, "of">[] {
  const key = `${model} ${slot.id} ${slot.id_task ?? ""}`;
  const decoded = slot.next_token?.n_decoded ?? slot.n_decoded;
  // `n_past` grows with what is written, too.
  const read = slot.n_prompt_tokens_processed ?? ((decoded ?? 0) > 0 ? undefined : slot.n_past);
  return [
    ...(read === undefined ? [] : [{ key: `${key} read`, sign: "prefilling", counter: read } as const]),
    ...(decoded === undefined ? [] : [{ key: `${key} decoded`, sign: "generating", counter: decoded } as const]),
  ];
}

import { z } from "zod";
import type { ScoreTerms } from "../../selection/score-terms.js";

/** The terms of a score, ms each. */
export const termsSchema = z.object({
  connect: z.number(),
  load: z.number(),
  ahead: z.number(),
  prefill: z.number(),
  censored: z.number(),
  queue: z.number(),
  pending: z.number(),
  decode: z.number(),
  health: z.number(),
  reputation: z.number(),
  owner: z.number(),
});

/** Milliseconds to the µs. */
export const fine = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** The terms of a score as they are told, ms. */
export function describeTerms(terms: ScoreTerms): z.infer<typeof termsSchema> {
  return {
    connect: fine(terms.connect),
    load: fine(terms.load),
    ahead: fine(terms.ahead),
    prefill: fine(terms.prefill),
    censored: fine(terms.censored),
    queue: fine(terms.queue),
    pending: fine(terms.pending),
    decode: fine(terms.decode),
    health: fine(terms.health),
    reputation: fine(terms.reputation),
    owner: fine(terms.owner),
  };
}

import { z } from "zod";
import { count, id } from "./frame-primitives.js";

/** The terms of a machine's score, as they are told. Readers leave out what they do not know. */
export const SCORE_TERMS = [
  "connect",
  "load",
  "ahead",
  "prefill",
  "censored",
  "queue",
  "pending",
  "decode",
  "health",
  "reputation",
  "owner",
] as const;

export type ScoreTerm = (typeof SCORE_TERMS)[number];

/** A word of a list that may grow. It is shown on terminals. */
const word = z.string().regex(/^[a-z_]{1,64}$/);
/** Of a score; finite, and at most some days. */
const ms = z.number().min(0).max(1e9);

/** What a coordinator thinks of one model of a machine, for a plain request of somebody without machines. */
export const eligibilitySchema = z.object({
  model: id,
  /** Those that are closed, in the order in which they are asked; none = it could serve now. */
  gates: z.array(word).max(64),
  /** How it compares with others; absent = a gate is closed. */
  score: z
    .object({
      /** Among the machines that could serve now, from 1. */
      rank: count,
      able: count,
      /** What a request is expected to cost here, and on the best of them, ms. */
      total_ms: ms,
      best_ms: ms,
      /** The term by which it exceeds the best one most; absent = by none. */
      term: word.optional(),
      /** By how much, ms. */
      term_ms: ms.optional(),
    })
    .optional(),
});

export type Eligibility = z.infer<typeof eligibilitySchema>;

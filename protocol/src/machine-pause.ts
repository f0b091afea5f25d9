import { z } from "zod";

/** The last moment of the year 9999. */
const LATEST_SECONDS = 253_402_300_799;

/** What people write down: it is shown on terminals, where control characters would have a meaning. */
export const pauseReasonSchema: z.ZodString = z
  .string()
  .max(256)
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, "must hold no control characters");

/** The owner has told the coordinator to give a machine nothing new. */
export const machinePauseSchema = z.object({
  /** When it ends by itself, seconds since 1970; absent = when the owner says so. */
  until: z.number().int().min(0).max(LATEST_SECONDS).optional(),
  reason: pauseReasonSchema.optional(),
});

export type MachinePause = z.infer<typeof machinePauseSchema>;

/** A pause in plain words, for the machine's owner. */
export function pauseWords({ until, reason }: MachinePause): string {
  const at = until === undefined ? "" : new Date(until * 1_000).toISOString().slice(0, 16).replace("T", " ");
  const end = until === undefined ? "until you resume it there" : `until ${at} UTC, or until you resume it there`;
  return `You have paused this machine at the coordinator, ${end}${reason === undefined ? "." : `: ${reason}`}`;
}

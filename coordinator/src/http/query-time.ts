import { z } from "zod";

/** The last second of the year 9999: a moment further on is a mistake, such as milliseconds. */
export const LATEST_SECONDS = 253_402_300_799;

/** A moment in a query, in seconds since 1970. A date is told what it should be: people try one first. */
export const querySeconds: z.ZodCoercedNumber = z.coerce
  .number({ error: "must be a time in seconds since 1970" })
  .int()
  .min(0)
  .max(LATEST_SECONDS);

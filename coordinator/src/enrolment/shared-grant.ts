import { z } from "zod";

/** A device code as coordinators tell each other of it. */
const sharedGrantSchema = z.object({
  request: z.object({ identity: z.string(), name: z.string(), platform: z.string(), agentVersion: z.string() }),
  userCode: z.string(),
  address: z.string(),
  /** Ms since 1970. */
  openedAtMs: z.number(),
  decision: z.discriminatedUnion("type", [
    z.object({ type: z.literal("pending") }),
    z.object({ type: z.literal("approved"), account: z.string() }),
    z.object({ type: z.literal("denied") }),
  ]),
});

export type SharedGrant = z.infer<typeof sharedGrantSchema>;

/** @returns `undefined` for what is none */
export function readShared(value: unknown): SharedGrant | undefined {
  const read = sharedGrantSchema.safeParse(value);
  return read.success ? read.data : undefined;
}

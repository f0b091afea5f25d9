import type { Clock } from "@hearth/platform";
import type { MachinePause, ProviderId } from "@hearth/protocol";
import { pauseReasonSchema } from "@hearth/protocol";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import type { ProviderDirectory } from "../../fleet/provider-directory.js";
import { HearthError, invalidMember } from "../../platform/errors.js";
import { described, type Operation } from "../openapi/operation.js";
import { LATEST_SECONDS } from "../query-time.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";

interface Own {
  readonly id: ProviderId;
  readonly account: string;
}

export interface PauseDeps {
  readonly clock: Clock;
  readonly directory: Pick<ProviderDirectory, "link" | "providers">;
  readonly machinePauses: {
    of(machine: Own): MachinePause | undefined;
    pause(machine: Own, pause: MachinePause): Promise<void>;
    resume(machine: Own): Promise<void>;
  };
}

const MAX_BODY_BYTES = 4 * 1024;

const orderSchema = z.strictObject({
  until: z
    .int()
    .min(0)
    .max(LATEST_SECONDS)
    .optional()
    .meta({ description: "When it ends by itself, Unix time in seconds, to come. Absent: when you resume it." }),
  reason: pauseReasonSchema.optional().meta({ description: "For yourself; the machine shows it, too." }),
});

/** A pause as it is told; `null` = the machine is not paused here. */
export const pauseSchema = z
  .object({ until: z.int().nullable(), reason: z.string().nullable() })
  .nullable()
  .meta({ description: "Its owner has paused it here; `null` = no. What the machine itself says is apart." });

export const describePause = (pause: MachinePause | undefined): z.infer<typeof pauseSchema> =>
  pause === undefined ? null : { until: pause.until ?? null, reason: pause.reason ?? null };

const PAUSED = named(
  "MachinePause",
  z.object({ object: z.literal("machine.pause"), id: z.string(), paused: pauseSchema }),
);

const PAUSE: Operation = {
  id: "pauseOwnMachine",
  audience: "Account",
  summary: "Give a machine of yours nothing new: it finishes what runs",
  description: "It holds over restarts and new connections, until `until`, or until the machine is resumed.",
  request: named("MachinePauseOrder", orderSchema),
  answer: PAUSED,
};

const RESUME: Operation = {
  id: "resumeOwnMachine",
  audience: "Account",
  summary: "Let a machine serve again that you have paused",
  answer: PAUSED,
};

/** An owner's pause of a machine, without going there. @param readOwner @throws HearthError for who owns nothing */
export function pauseRoutes(
  own: Hono<HttpEnv>,
  { clock, directory, machinePauses }: PauseDeps,
  readOwner: (c: Context<HttpEnv>) => Promise<string>,
): void {
  const machineOf = async (c: Context<HttpEnv>): Promise<Own> => {
    const account = await readOwner(c);
    const id = (c.req.param("id") ?? "").slice(0, 128) as ProviderId;
    const provider = directory.link(id) ?? [...directory.providers()].find((each) => each.id === id);
    const isOwn =
      provider === undefined ? machinePauses.of({ id, account }) !== undefined : provider.account === account;
    if (isOwn) return { id, account };
    throw new HearthError("not_found", "There is no such machine of yours that is connected or expected back.");
  };
  const told = (c: Context<HttpEnv>, machine: Own): Response =>
    c.json({ object: "machine.pause", id: machine.id, paused: describePause(machinePauses.of(machine)) });
  own.post(
    "/machines/:id/pause",
    described(PAUSE, async (c) => {
      const machine = await machineOf(c);
      const body = await readBody(c.env.incoming, MAX_BODY_BYTES);
      const { until, reason } = body.length === 0 ? {} : readJson(orderSchema, body);
      if (until !== undefined && until * 1_000 <= clock.wallTime()) throw invalidMember("until", "it is over");
      await machinePauses.pause(machine, { ...(until !== undefined && { until }), ...(reason && { reason }) });
      return told(c, machine);
    }),
  );
  own.post(
    "/machines/:id/resume",
    described(RESUME, async (c) => {
      const machine = await machineOf(c);
      await machinePauses.resume(machine);
      return told(c, machine);
    }),
  );
}

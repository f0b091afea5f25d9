import type { ProviderId } from "@hearth/protocol";
import type { Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import { readFormOf } from "../http/accounts/key-routes.js";
import type { MachineDeps } from "../http/enrolment/machine-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import type { HttpEnv } from "../http/routing.js";
import { HearthError, invalidMember } from "../platform/errors.js";
import type { Machine } from "../store/enrolment-store.js";
import type { ActionLog } from "./action-log.js";
import type { ProviderRouteDeps } from "./providers.js";

export interface OwnerRouteDeps extends Pick<MachineDeps, "enrolment">, Pick<ProviderRouteDeps, "directory"> {
  /** What a machine has enrolled as; `undefined` = it uses a shared token, or is not known. */
  readonly enrolledMachine: (id: ProviderId) => Machine | undefined;
  readonly isAccount: (id: string) => Promise<boolean>;
  readonly actionLog: Pick<ActionLog, "changes">;
}

const changeSchema = z.strictObject({ account: z.string().min(1).max(128) });

const CHANGE: Operation = {
  id: "changeProviderOwner",
  audience: "Operator",
  summary: "Give a machine to another account",
  description:
    "It keeps its token and connects anew. What it earns from then on is the new owner's; what runs, and what was, stays the old one's.",
  request: named("OwnerChange", changeSchema),
  answer: named(
    "ProviderOwner",
    z.object({
      object: z.literal("provider.owner"),
      provider: z.string(),
      machine: z.string().meta({ description: "Its enrolment." }),
      account: z.string(),
      previous_account: z.string(),
      connected: z.boolean(),
    }),
  ),
};

/** Whose machine it is, for the operator to change. */
export function ownerRoute(admin: Hono<HttpEnv>, deps: OwnerRouteDeps): void {
  const { directory, enrolment, enrolledMachine, isAccount, actionLog } = deps;
  admin.put(
    "/providers/:id/owner",
    described(CHANGE, async (c) => {
      const { account } = await readFormOf(c, changeSchema);
      const id = (c.req.param("id") ?? "").slice(0, 128) as ProviderId;
      const machine = enrolledMachine(id);
      if (machine === undefined) throw notEnrolled(directory.link(id) !== undefined);
      if (!(await isAccount(account))) throw invalidMember("account", "there is no such account");
      const moved = await enrolment.moveMachine(machine.id, account);
      if (moved.type === "unknown") throw notEnrolled(false);
      if (moved.type === "account_full") throw invalidMember("account", "it has as many machines as it may");
      const { from } = moved;
      if (from !== account) actionLog.changes(c, [{ path: "account", before: from, after: account }]);
      const connected = directory.link(id) !== undefined;
      return c.json({
        object: "provider.owner",
        provider: id,
        ...{ machine: machine.id, account, previous_account: from, connected },
      });
    }),
  );
}

function notEnrolled(connected: boolean): HearthError {
  if (!connected) return new HearthError("not_found", "There is no machine with this id that has enrolled.");
  const words = "This machine uses a token of the configuration, which says whose it is: enrol it first.";
  return new HearthError("invalid_request", words);
}

import type { Clock } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { named } from "../../api/named-schemas.js";
import type { Enrolment } from "../../enrolment/enrolment.js";
import { HearthError } from "../../platform/errors.js";
import type { Machine } from "../../store/enrolment-store.js";
import { described, type Operation } from "../openapi/operation.js";
import { list, listSchema, pageSchema } from "../paged-list.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import {
  describeMachine,
  describeToken,
  type MachineStanding,
  machineSchema,
  newTokenSchema,
  orderSchema,
  readTokenOrder,
  tokenSchema,
} from "./machine-forms.js";

/** Bytes of an order for tokens. */
const MAX_ORDER_BYTES = 8 * 1024;

export interface MachineDeps {
  readonly enrolment: Enrolment;
  readonly clock: Clock;
  /** Looks up how machines stand that are here now. */
  readonly machineStandings: () => (machine: Machine) => MachineStanding | undefined;
}

/** Whose machines somebody sees and ends. */
export interface MachineReach {
  readonly audience: Audience;
  /** Whose machines a request is about; `undefined` = everybody's. @throws HearthError for who may see none */
  readonly readAccount: (c: Context<HttpEnv>) => Promise<string> | undefined;
}

type Route = (c: Context<HttpEnv>, account: string | undefined) => Promise<Response>;

const deletedSchema = z.object({
  id: z.string(),
  object: z.enum(["machine", "enrolment_token"]),
  deleted: z.literal(true),
});

const MACHINES = named("MachineList", listSchema(named("Machine", machineSchema)));
const TOKENS = named("EnrolmentTokenList", listSchema(named("EnrolmentToken", tokenSchema)));
const NEW_TOKENS = named(
  "NewEnrolmentTokenList",
  z.object({ object: z.literal("list"), data: z.array(newTokenSchema) }),
);
const ORDER = named("EnrolmentTokenOrder", orderSchema);
const DELETED = named("Deleted", deletedSchema);

type Audience = "Machines" | "Operator";
type Operations = Readonly<Record<"list" | "listTokens" | "create" | "revoke" | "revokeToken", Operation>>;

/** An operator's routes are told of apart from the owners'. */
function operationsFor(audience: Audience): Operations {
  const all = audience === "Operator" ? "All" : "";
  const whose = audience === "Operator" ? "of every account, or of one" : "of your account";
  return {
    list: {
      id: `list${all}Machines`,
      audience,
      summary: `List the machines ${whose} that have enrolled, and what is held against each`,
      query: pageSchema,
      answer: MACHINES,
    },
    listTokens: {
      id: `list${all}EnrolmentTokens`,
      audience,
      summary: `List the one-use tokens ${whose}`,
      query: pageSchema,
      answer: TOKENS,
    },
    create: {
      id: `create${audience === "Operator" ? "AccountsEnrolmentTokens" : "EnrolmentTokens"}`,
      audience,
      summary: "Make one-use tokens, by which machines enrol without anybody in front of them",
      description: "The tokens themselves are told here only.",
      request: ORDER,
      answer: NEW_TOKENS,
      status: 201,
    },
    revoke: {
      id: `revoke${audience === "Operator" ? "Any" : ""}Machine`,
      audience,
      summary: "End a machine's enrolment",
      answer: DELETED,
    },
    revokeToken: {
      id: `revoke${audience === "Operator" ? "Any" : ""}EnrolmentToken`,
      audience,
      summary: "End a one-use token",
      answer: DELETED,
    },
  };
}

/** Lists and revocation of machines and of one-use tokens: an owner's own, or an operator's everybody's. */
export function machineRoutes(app: Hono<HttpEnv>, deps: MachineDeps, { audience, readAccount }: MachineReach): void {
  const { enrolment, clock } = deps;
  const operations = operationsFor(audience);
  const on = (operation: Operation, route: Route) =>
    described(operation, async (c: Context<HttpEnv>) => await route(c, await readAccount(c)));
  app.get(
    "/machines",
    on(operations.list, (c, account) => {
      const standingOf = deps.machineStandings();
      return list(c, {
        account,
        load: (page) => enrolment.listMachines(page),
        describe: (machine) => describeMachine(machine, standingOf(machine)),
      });
    }),
  );
  app.get(
    "/enrolment-tokens",
    on(operations.listTokens, (c, account) => {
      const now = clock.wallTime();
      return list(c, {
        account,
        load: (page) => enrolment.listTokens(page),
        describe: (token) => describeToken(token, now),
      });
    }),
  );
  app.post(
    "/enrolment-tokens",
    on(operations.create, (c, account) => createTokens(c, account, deps)),
  );
  app.delete(
    "/machines/:id",
    on(operations.revoke, (c, account) => remove(c, "machine", (id) => enrolment.revokeMachine(id, account))),
  );
  app.delete(
    "/enrolment-tokens/:id",
    on(operations.revokeToken, (c, account) =>
      remove(c, "enrolment_token", (id) => enrolment.revokeToken(id, account)),
    ),
  );
}

async function createTokens(
  c: Context<HttpEnv>,
  own: string | undefined,
  { enrolment }: MachineDeps,
): Promise<Response> {
  const order = readTokenOrder(await readBody(c.env.incoming, MAX_ORDER_BYTES));
  const account = own ?? order.account;
  if (account === undefined) {
    throw new HearthError("invalid_request", "account: is missing", { param: "account" });
  }
  if (order.account !== undefined && order.account !== account) {
    throw new HearthError("invalid_request", "account: tokens are for your own account", { param: "account" });
  }
  const { count, note, expires_in: lifetimeSeconds } = order;
  const created = await enrolment.createTokens({ account, count, note, lifetimeMs: lifetimeSeconds * 1000 });
  if (created === "account_full") {
    throw new HearthError("rate_limit_exceeded", "The account has too many unused enrolment tokens: revoke some.", {
      retryAfterSeconds: 3600,
    });
  }
  c.header("Cache-Control", "no-store");
  const data = created.map(({ id, token, expiresAtMs }) => {
    const expires_at = Math.floor(expiresAtMs / 1000);
    return { id, object: "enrolment_token", account, status: "unused", token, note, expires_at };
  });
  return c.json({ object: "list", data }, 201);
}

async function remove(
  c: Context<HttpEnv>,
  object: "machine" | "enrolment_token",
  revoke: (id: string) => Promise<boolean>,
): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!(await revoke(id))) throw new HearthError("not_found", `There is no such ${object} to revoke.`);
  return c.json({ id, object, deleted: true });
}

import type { Clock } from "@hearth/platform";
import type { Context } from "hono";
import { z } from "zod";
import type { Accounts, IssuedKey } from "../../accounts/accounts.js";
import { named } from "../../api/named-schemas.js";
import { HearthError } from "../../platform/errors.js";
import type { ApiKey } from "../../store/account-store.js";
import { type Audience, described, type Operation } from "../openapi/operation.js";
import { list, listSchema, pageSchema } from "../paged-list.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import {
  changesOf,
  describeKey,
  issuedKeySchema,
  keyChangesSchema,
  keyOrderSchema,
  keySchema,
  readForm,
  rotationSchema,
  termsOf,
} from "./key-forms.js";
import type { KeyReach } from "./key-reach.js";

/** Bytes of a form about a key. */
const MAX_FORM_BYTES = 64 * 1024;

export interface KeyDeps {
  readonly accounts: Accounts;
  readonly clock: Clock;
  /** Whether the configuration has the key with this digest. */
  readonly isConfigured: (digest: string) => boolean;
}

const KEY = named("ApiKey", keySchema);
export const KEYS = named("ApiKeyList", listSchema(KEY));
export const ISSUED_KEY = named("IssuedApiKey", issuedKeySchema);
export const KEY_ORDER = named("ApiKeyOrder", keyOrderSchema);
const CHANGES = named("ApiKeyChanges", keyChangesSchema);
const ROTATION = named("ApiKeyRotation", rotationSchema);
const REVOKED = named(
  "RevokedApiKey",
  z.object({ id: z.string(), object: z.literal("api_key"), deleted: z.literal(true) }),
);

export const ONCE = "The secret is told here only.";

/** What is told of the routes about keys: an owner's own, or an operator's everybody's. */
export function keyOperations(audience: Extract<Audience, "Account" | "Operator">) {
  const isOperator = audience === "Operator";
  const [any, whose] = isOperator ? ["Any", "of any account"] : ["", "of your account"];
  const operation = (given: Omit<Operation, "audience">): Operation => ({ ...given, audience });
  return {
    list: operation({
      id: isOperator ? "listAllKeys" : "listKeys",
      summary: isOperator ? "List the API keys of every account, or of one" : "List the API keys of your account",
      query: pageSchema,
      answer: KEYS,
    }),
    create: operation({
      id: "createKey",
      summary: "Make an API key of your account",
      description: `No wider than the one that asks; one with limits makes none. ${ONCE}`,
      request: KEY_ORDER,
      answer: ISSUED_KEY,
      status: 201,
    }),
    retrieve: operation({ id: `retrieve${any}Key`, summary: `Get an API key ${whose}`, answer: KEY }),
    change: operation({
      id: `change${any}Key`,
      summary: `Change what an API key ${whose} may do`,
      description: "What is left out stays as it is.",
      request: CHANGES,
      answer: KEY,
    }),
    rotate: operation({
      id: `rotate${any}Key`,
      summary: `Give an API key ${whose} another secret`,
      description: `It keeps its id, and with it what was used of its limits. ${ONCE}`,
      request: ROTATION,
      answer: ISSUED_KEY,
    }),
    revoke: operation({ id: `revoke${any}Key`, summary: `End an API key ${whose}`, answer: REVOKED }),
  } as const;
}

/** Whether the configuration has a key of the store as well: then what it says counts. */
export function isConfiguredKey({ digest, oldDigest }: ApiKey, isConfigured: KeyDeps["isConfigured"]): boolean {
  return isConfigured(digest) || (oldDigest !== undefined && isConfigured(oldDigest));
}

type Reached = (c: Context<HttpEnv>) => KeyReach | Promise<KeyReach>;
type Route = (c: Context<HttpEnv>, reach: KeyReach) => Promise<Response>;

/** Handlers of the routes about one key, `:id` in the path, for whoever asks. */
export function keyHandlers({ accounts, clock, isConfigured }: KeyDeps, reachOf: Reached) {
  const on = (operation: Operation, route: Route) =>
    described(operation, async (c: Context<HttpEnv>) => await route(c, await reachOf(c)));
  const now = (): number => clock.wallTime();
  const found = async (c: Context<HttpEnv>, { account }: KeyReach): Promise<ApiKey> => {
    const key = await accounts.findKey((c.req.param("id") ?? "").slice(0, 128));
    if (key === undefined || (account !== undefined && key.account !== account)) throw noKey();
    return key;
  };
  /** Of one that may be changed: as long as the configuration has it too, nothing that is said of it here counts. */
  const changeable = async (c: Context<HttpEnv>, reach: KeyReach, how: "terms" | "secret" | "end"): Promise<ApiKey> => {
    const key = await found(c, reach);
    reach.mayChange(key, how);
    if (isConfiguredKey(key, isConfigured)) {
      const words =
        "The configuration file has this API key as well, and what it says counts: take it out there first.";
      throw new HearthError("invalid_request", words);
    }
    return key;
  };
  const lists: Route = async (c, { account, mayGive }) => {
    mayGive([]);
    return await list(c, {
      account,
      load: (page) => accounts.listKeys(page),
      describe: (key) => describeKey(key, now()),
    });
  };
  const retrieves: Route = async (c, reach) => {
    const key = await found(c, reach);
    reach.mayChange(key, "end");
    return c.json(describeKey(key, now()));
  };
  const changes: Route = async (c, reach) => {
    const form = await readFormOf(c, keyChangesSchema);
    const key = await changeable(c, reach, "terms");
    reach.mayGive(form.scopes ?? []);
    const changed = await accounts.updateKey(key.id, changesOf(form, now()));
    if (changed === undefined) throw noKey();
    return c.json(describeKey(changed, now()));
  };
  const rotates: Route = async (c, reach) => {
    const { overlap_seconds: overlap } = await readFormOf(c, rotationSchema);
    const key = await changeable(c, reach, "secret");
    const issued = await accounts.rotateKey(key.id, overlap * 1000);
    if (issued === undefined) throw noKey();
    return tellIssued(c, issued, now());
  };
  const revokes: Route = async (c, reach) => {
    const key = await changeable(c, reach, "end");
    if ((await accounts.revokeKey(key.id)) === undefined) throw noKey();
    return c.json({ id: key.id, object: "api_key", deleted: true });
  };
  return { on, lists, retrieves, changes, rotates, revokes };
}

/** Makes a key of an account, as the body says. */
export async function createKeyOf(
  c: Context<HttpEnv>,
  { accounts, clock }: KeyDeps,
  account: string,
  reach: KeyReach,
): Promise<Response> {
  const order = await readFormOf(c, keyOrderSchema);
  reach.mayGive(order.scopes);
  const issued = await accounts.createKey(account, termsOf(order, clock.wallTime()));
  if (issued === "no_account") throw new HearthError("not_found", "There is no such account.");
  if (issued === "account_full") {
    throw new HearthError("rate_limit_exceeded", "The account has as many API keys as it may have: revoke some.", {
      retryAfterSeconds: 3_600,
    });
  }
  return tellIssued(c, issued, clock.wallTime(), 201);
}

/** @throws HearthError `invalid_request` that names the member */
export async function readFormOf<T>(c: Context<HttpEnv>, schema: z.ZodType<T>): Promise<T> {
  return readForm(schema, await readBody(c.env.incoming, MAX_FORM_BYTES));
}

function tellIssued(c: Context<HttpEnv>, { key, secret }: IssuedKey, nowMs: number, status: 200 | 201 = 200): Response {
  c.header("Cache-Control", "no-store");
  return c.json({ ...describeKey(key, nowMs), key: secret }, status);
}

const noKey = (): HearthError => new HearthError("not_found", "There is no such API key, or it is revoked.");

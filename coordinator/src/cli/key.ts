import { type Command, Option } from "commander";
import type { z } from "zod";
import { issuedKeySchema, keySchema } from "../http/accounts/key-forms.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import { BUDGET_RESETS, SCOPES } from "../store/account-store.js";
import { readAnswer, segment } from "./admin-api.js";
import { dollars, duration, nullable, type OrNone, orNone, usd, whole } from "./amounts.js";
import type { AddCommand } from "./context.js";
import { CommandError, EXIT } from "./exit.js";
import { type Remote, type RemoteOptions, remote, remoteCommand } from "./remote.js";
import { facts, table, time } from "./table.js";

/** What a key may do, as far as it is said. */
interface TermOptions extends RemoteOptions {
  readonly name?: string;
  readonly scope?: readonly string[];
  readonly model?: readonly string[];
  readonly anyModel?: boolean;
  readonly selfRouteOnly?: boolean;
  readonly requestsPerMinute?: OrNone<number>;
  readonly tokensPerMinute?: OrNone<number>;
  readonly concurrency?: OrNone<number>;
  readonly budgetUsd?: OrNone<MicroUsd>;
  readonly budgetReset?: string;
  readonly expiresIn?: OrNone<number>;
  readonly tag?: Readonly<Record<string, string>>;
}

/** `admin key …`: what accounts call the API with. */
export const addKey: AddCommand = (admin, context) => {
  const key = admin.command("key").description("API keys of accounts");
  withTerms(remoteCommand(key, "create <account>", "make a key; its secret is printed this one time")).action(
    async (account: string, options: TermOptions) => {
      const on = remote(context, options);
      issued(on, await on.api.ask("POST", `/accounts/${segment(account)}/keys`, { body: termsOf(options) }), options);
    },
  );
  remoteCommand(key, "list [account]", "list the keys of an account, or all").action(
    async (account: string | undefined, options: RemoteOptions) => {
      const { api, show } = remote(context, options);
      // By the account's own route: it says so where there is none.
      const answer = await api.list(account === undefined ? "/keys" : `/accounts/${segment(account)}/keys`);
      show(answer, () => listed(answer.data.map((each) => readAnswer(keySchema, each))));
    },
  );
  withTerms(remoteCommand(key, "change <key>", "change what a key may do; what is left out stays"))
    .option("--any-model", "take the limit to models away")
    .action(async (id: string, options: TermOptions) => {
      requireReset(options);
      const { api, show } = remote(context, options);
      const answer = await api.ask("PATCH", `/keys/${segment(id)}`, { body: termsOf(options) });
      show(answer, () => described(readAnswer(keySchema, answer)));
    });
  remoteCommand(key, "rotate <key>", "give a key another secret, which is printed this one time")
    .option(
      "--overlap <time>",
      "how long the old secret is still good: 90s, 45m, 12h, 30d; not at all unless given",
      duration,
    )
    .action(async (id: string, options: RemoteOptions & { readonly overlap?: number }) => {
      const on = remote(context, options);
      const body = { overlap_seconds: options.overlap };
      issued(on, await on.api.ask("POST", `/keys/${segment(id)}/rotate`, { body }), options);
    });
  remoteCommand(key, "revoke <key>", "end a key").action(async (id: string, options: RemoteOptions) => {
    const { api, show } = remote(context, options);
    const answer = await api.ask("DELETE", `/keys/${segment(id)}`);
    show(answer, () => `Revoked ${id}.`);
  });
};

function withTerms(command: Command): Command {
  const all = (one: string, before: readonly string[] = []): readonly string[] => [...before, one];
  return command
    .option("--name <name>", "for people")
    .option("--scope <scope>", `${SCOPES.join(", ")}; may be given several times`, all)
    .option("--model <model>", "may ask for this model only; may be given several times", all)
    .option("--self-route-only", "only machines of its account serve it")
    .option("--no-self-route-only", "any machine serves it")
    .option("--requests-per-minute <requests>", "or none for no limit, as with all limits", orNone(whole))
    .option("--tokens-per-minute <tokens>", "prompt and answer", orNone(whole))
    .option("--concurrency <requests>", "requests at once", orNone(whole))
    .option("--budget-usd <amount>", "what it may spend, US dollars", orNone(dollars))
    .addOption(new Option("--budget-reset <when>", "a new key's: never unless given").choices(BUDGET_RESETS))
    .option("--expires-in <time>", "90s, 45m, 12h, 30d, or none for never", orNone(duration))
    .option("--tag <name=value>", "for the account's bookkeeping; may be given several times", withTag);
}

/** The body that says so: what is not said is not in it. */
function termsOf(options: TermOptions): object {
  const { name, scope: scopes, selfRouteOnly: self_route_only, tag: tags } = options;
  const { budgetUsd, budgetReset } = options;
  if (budgetReset !== undefined && typeof budgetUsd !== "bigint") {
    throw new CommandError(EXIT.config, "--budget-reset goes with an amount in --budget-usd.");
  }
  return {
    ...{ name, scopes, self_route_only, tags },
    expires_in: nullable(options.expiresIn),
    allowed_models: options.anyModel ? null : options.model,
    limits: {
      requests_per_minute: nullable(options.requestsPerMinute),
      tokens_per_minute: nullable(options.tokensPerMinute),
      concurrency: nullable(options.concurrency),
      budget: budgetOf(budgetUsd, budgetReset),
    },
  };
}

/** A budget is one term: its amount alone would make one for ever of a monthly one. */
function requireReset({ budgetUsd, budgetReset }: TermOptions): void {
  if (typeof budgetUsd === "bigint" && budgetReset === undefined) {
    throw new CommandError(EXIT.config, `--budget-usd needs --budget-reset in a change: ${BUDGET_RESETS.join(", ")}.`);
  }
}

function budgetOf(amount: TermOptions["budgetUsd"], reset = "never"): object | null | undefined {
  if (typeof amount === "bigint") return { micro_usd: Number(amount), reset };
  return amount === undefined ? undefined : null;
}

function withTag(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new CommandError(EXIT.config, `--tag ${text}: it must be name=value.`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** The secret is all that stands on stdout, for scripts to take. */
function issued({ show, say }: Remote, answer: unknown, { json }: RemoteOptions): void {
  show(answer, () => readAnswer(issuedKeySchema, answer).key);
  if (json) return;
  say(described(readAnswer(issuedKeySchema, answer)));
  say("Its secret stands on stdout, this one time: only its digest is kept.");
}

type Key = z.infer<typeof keySchema>;

function described(key: Key): string {
  const { id, account, name, prefix, status, scopes, tags } = key;
  return facts({
    ...{ id, account, name, secret: prefix === "" ? "" : `${prefix}…`, status },
    scopes: scopes.join(", "),
    models: key.allowed_models === null ? "all" : key.allowed_models.join(", "),
    limits: limitsOf(key),
    tags: Object.entries(tags)
      .map(([tag, value]) => `${tag}=${value}`)
      .join(", "),
    created: time(key.created_at),
    expires: key.expires_at === null ? "never" : time(key.expires_at),
    ...(key.old_secret_ends_at !== null && { "old secret until": time(key.old_secret_ends_at) }),
  });
}

function listed(keys: readonly Key[]): string {
  if (keys.length === 0) return "";
  const rows = keys.map((key) => {
    const { id, account, name, prefix, status, scopes } = key;
    return [id, account, name, prefix === "" ? "" : `${prefix}…`, status, scopes.join(","), limitsOf(key)];
  });
  return table(["id", "account", "name", "secret", "status", "scopes", "limits"], rows);
}

function limitsOf({ limits, self_route_only }: Key): string {
  const { requests_per_minute: requests, tokens_per_minute: tokens, concurrency, budget } = limits;
  return [
    ...(requests === null ? [] : [`${requests} requests/min`]),
    ...(tokens === null ? [] : [`${tokens} tokens/min`]),
    ...(concurrency === null ? [] : [`${concurrency} at once`]),
    ...(budget === null ? [] : [`${usd(budget.micro_usd)} ${budget.reset === "never" ? "in all" : budget.reset}`]),
    ...(self_route_only ? ["own machines"] : []),
  ].join(", ");
}

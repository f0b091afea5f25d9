import { Option } from "commander";
import type { z } from "zod";
import { accountSchema } from "../admin/account-forms.js";
import { readAnswer, segment } from "./admin-api.js";
import { nullable, type OrNone, orNone, whole } from "./amounts.js";
import type { AddCommand } from "./context.js";
import { type RemoteOptions, remote, remoteCommand } from "./remote.js";
import { facts, table, time } from "./table.js";

type Account = z.infer<typeof accountSchema>;

interface CreateOptions extends RemoteOptions {
  readonly name?: string;
  readonly parent?: string;
  readonly budget?: string;
  readonly concurrency?: OrNone<number>;
}

/** `admin account …`: who pays and is paid. */
export const addAccount: AddCommand = (admin, context) => {
  const account = admin.command("account").description("accounts: who pays, and who is paid");
  remoteCommand(account, "create [id]", "make an account, or a team of one; without an id it gets one")
    .option("--name <name>", "for people")
    .option("--parent <account>", "the account that it is a team of")
    .addOption(new Option("--budget <whose>", "shared: the account above pays").choices(["own", "shared"]))
    .option("--concurrency <requests>", "requests of all of its keys at once, or none for no limit", orNone(whole))
    .action(async (id: string | undefined, options: CreateOptions) => {
      const { api, show } = remote(context, options);
      const { name, parent, budget, concurrency } = options;
      const body = { id, name, parent, budget, concurrency: nullable(concurrency) };
      const answer = await api.ask("POST", "/accounts", { body });
      show(answer, () => described(answer));
    });
  remoteCommand(account, "list", "list the accounts, or the teams of one")
    .option("--parent <account>", "only its teams")
    .action(async (options: RemoteOptions & { readonly parent?: string }) => {
      const { api, show } = remote(context, options);
      const answer = await api.list("/accounts", { parent: options.parent });
      show(answer, () => listed(answer.data.map((each) => readAnswer(accountSchema, each))));
    });
  remoteCommand(account, "show <account>", "show an account").action(async (id: string, options: RemoteOptions) => {
    const { api, show } = remote(context, options);
    const answer = await api.ask("GET", `/accounts/${segment(id)}`);
    show(answer, () => described(answer));
  });
  for (const [verb, status, words] of [
    ["suspend", "suspended", "refuse its keys and machines, and those of its teams, from now on"],
    ["resume", "active", "end a suspension"],
  ] as const) {
    remoteCommand(account, `${verb} <account>`, words).action(async (id: string, options: RemoteOptions) => {
      const { api, show } = remote(context, options);
      const answer = await api.ask("PATCH", `/accounts/${segment(id)}`, { body: { status } });
      show(answer, () => described(answer));
    });
  }
};

function described(answer: unknown): string {
  const { id, name, parent, budget, concurrency, status, ...account } = readAnswer(accountSchema, answer);
  return facts({
    ...{ id, name, parent: parent ?? "", budget, status },
    concurrency: concurrency === null ? "" : `${concurrency} requests at once`,
    created: time(account.created_at),
    ...(account.suspended_at !== null && { suspended: time(account.suspended_at) }),
  });
}

function listed(accounts: readonly Account[]): string {
  if (accounts.length === 0) return "";
  const rows = accounts.map(({ id, name, parent, budget, status, created_at }) => [
    ...[id, name, parent ?? "", budget, status, time(created_at)],
  ]);
  return table(["id", "name", "team of", "budget", "status", "created"], rows);
}

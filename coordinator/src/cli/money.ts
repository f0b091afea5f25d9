import { randomId } from "@hearth/platform";
import { balanceSchema, payoutSchema, transferSchema } from "../http/money/money-forms.js";
import { usdText } from "../platform/decimal-text.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import { readAnswer, requireHeaderText, segment } from "./admin-api.js";
import { someDollars, usd } from "./amounts.js";
import type { AddCommand } from "./context.js";
import { type RemoteOptions, remote, remoteCommand } from "./remote.js";
import { facts, table, time } from "./table.js";

interface CreditOptions extends RemoteOptions {
  readonly reason: string;
  readonly idempotencyKey?: string;
}

/** `admin credit`: money that has come in for an account. */
export const addCredit: AddCommand = (admin, context) => {
  remoteCommand(admin, "credit", "put money on an account that has come in for it")
    .argument("<account>")
    .argument("<amount_usd>", "US dollars, exact to the sixth place: 12.50", someDollars)
    .requiredOption("--reason <text>", "what its statement says of it")
    .option("--idempotency-key <key>", "of any number of commands with one key one counts; else one is made and shown")
    .action(async (account: string, amount: MicroUsd, options: CreditOptions) => {
      const { api, show, say } = remote(context, options);
      const { reason, idempotencyKey = randomId("credit_") } = options;
      requireHeaderText("--idempotency-key", idempotencyKey);
      // Before it is sent: whoever hears no answer needs it for another try.
      if (options.idempotencyKey === undefined)
        say(`To try this again without paying twice: --idempotency-key ${idempotencyKey}`);
      const body = { amount_micro_usd: Number(amount), reason };
      const answer = await api.ask("POST", `/accounts/${segment(account)}/deposits`, { body, idempotencyKey });
      show(answer, () => {
        const { id, status } = readAnswer(transferSchema, answer);
        const what = `${usdText(amount)} for ${account} (${id})`;
        return status === "done" ? `Credited ${what}.` : `Nothing has changed: ${what} was credited before.`;
      });
    });
};

/** `admin balance`: what an account has. */
export const addBalance: AddCommand = (admin, context) => {
  remoteCommand(admin, "balance <account>", "show what an account has, and which part of it is which").action(
    async (account: string, options: RemoteOptions) => {
      const { api, show } = remote(context, options);
      const answer = await api.ask("GET", `/accounts/${segment(account)}/balance`);
      show(answer, () => {
        const { available_micro_usd, credit, earned, pending_payouts_micro_usd } = readAnswer(balanceSchema, answer);
        const part = ({ balance_micro_usd: all, reserved_micro_usd: reserved }: typeof credit): string =>
          reserved === 0 ? usd(all) : `${usd(all)}, of it ${usd(reserved)} set aside for requests that run`;
        return facts({
          available: usd(available_micro_usd),
          credit: part(credit),
          earned: part(earned),
          "being paid out": usd(pending_payouts_micro_usd),
        });
      });
    },
  );
};

interface PayoutListOptions extends RemoteOptions {
  readonly account?: string;
  readonly status?: string;
}

/** `admin payout …`: what owners have asked for of their earnings. */
export const addPayout: AddCommand = (admin, context) => {
  const payout = admin.command("payout").description("what owners of machines have asked to be paid out");
  remoteCommand(payout, "list", "list payouts, oldest first")
    .option("--account <account>", "only this one's")
    .option("--status <status>", "only those that are requested, paid, failed or returned")
    .action(async (options: PayoutListOptions) => {
      const { api, show } = remote(context, options);
      const answer = await api.list("/payouts", { account: options.account, status: options.status });
      show(answer, () => listed(answer.data));
    });
  for (const [verb, status, words] of [
    ["pay", "paid", "say that a payout that was requested has been paid"],
    ["fail", "failed", "say that a payout that was requested has failed: what it was can be spent again"],
    ["return", "returned", "say that a payout that was paid came back: what it was can be spent again"],
  ] as const) {
    remoteCommand(payout, `${verb} <payout>`, words)
      .requiredOption("--reason <text>", "how, or why: the number of the transfer, what the bank says")
      .action(async (id: string, options: RemoteOptions & { readonly reason: string }) => {
        const { api, show } = remote(context, options);
        const answer = await api.ask("POST", `/payouts/${segment(id)}`, { body: { status, reason: options.reason } });
        show(answer, () => listed([answer]));
      });
  }
};

function listed(payouts: readonly unknown[]): string {
  if (payouts.length === 0) return "";
  const rows = payouts
    .map((each) => readAnswer(payoutSchema, each))
    .map(({ id, account, amount_micro_usd, status, reason, changed_at }) => [
      ...[id, account, usd(amount_micro_usd), status, time(changed_at), reason ?? ""],
    ]);
  return table(["id", "account", "amount", "status", "since", "reason"], rows);
}

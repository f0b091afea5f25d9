type Data = Readonly<Record<string, unknown>>;

/** What strangers have named may not call people, nor link to anywhere: receivers give these a meaning. */
const MARKS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b" };

const shown = (value: unknown): string => String(value ?? "?").replace(/[&<>@]/g, (mark) => MARKS[mark] ?? mark);
const usd = (microUsd: unknown): string => `$${(Number(microUsd) / 1e6).toFixed(2)}`;
const counted = (count: unknown, one: string): string => `${shown(count)} ${one}${count === 1 ? "" : "s"}`;
const machineOf = ({ name, machine, account }: Data): string =>
  `Machine ${name === undefined ? shown(machine) : `${shown(name)} (${shown(machine)})`} of ${shown(account)}`;
const keyOf = ({ name, key, account }: Data): string => `API key ${shown(name)} (${shown(key)}) of ${shown(account)}`;
const spentOf = (data: Data): string =>
  `${usd(data["spent_micro_usd"])} of ${usd(data["budget_micro_usd"])} (${shown(data["percent"])} %)`;
const payoutOf = (data: Data): string =>
  `Payout ${shown(data["payout"])} of ${usd(data["amount_micro_usd"])} to ${shown(data["account"])}`;

const WORDS: ReadonlyMap<string, (data: Data) => string> = new Map<string, (data: Data) => string>([
  [
    "model.outage",
    ({ model, minutes, refused }) =>
      `Model ${shown(model)} is out: nobody has been able to serve it for ${counted(minutes, "minute")}, and ${counted(refused, "request")} had to be refused.`,
  ],
  [
    "model.recovered",
    ({ model, minutes }) => `Model ${shown(model)} is served again, after ${counted(minutes, "minute")}.`,
  ],
  ["machine.offline", (data) => `${machineOf(data)} is offline, for ${counted(data["minutes"], "minute")} now.`],
  ["machine.fenced", (data) => `${machineOf(data)} is not trusted any more, and gets no requests for now.`],
  ["machine.back", (data) => `${machineOf(data)} is back, after ${counted(data["minutes"], "minute")}.`],
  [
    "ledger.audit_failed",
    ({ mismatches }) =>
      `The ledger does not add up in ${counted(mismatches, "place")}. GET /admin/ledger/audit lists them.`,
  ],
  ["budget.low", (data) => `${keyOf(data)} has spent ${spentOf(data)} of its budget.`],
  ["budget.exhausted", (data) => `${keyOf(data)} has come to the end of its budget: ${spentOf(data)} spent.`],
  [
    "balance.exhausted",
    (data) =>
      `The money of account ${shown(data["account"])} is used up: ${usd(data["available_micro_usd"])} left, and requests are refused.`,
  ],
  [
    "balance.low",
    (data) => `The money of account ${shown(data["account"])} goes down: ${usd(data["available_micro_usd"])} left.`,
  ],
  ["test", ({ account }) => `This is a test for ${shown(account)}. Notifications arrive here.`],
  ["payout.requested", (data) => `${payoutOf(data)} is asked for.`],
  ["payout.paid", (data) => `${payoutOf(data)} is paid.`],
  ["payout.failed", (data) => `${payoutOf(data)} has failed.`],
  ["payout.returned", (data) => `${payoutOf(data)} came back.`],
  [
    "request.refunded",
    (data) =>
      `${usd(data["amount_micro_usd"])} went back to ${shown(data["account"])} for request ${shown(data["request_id"])}.`,
  ],
]);

/** A message for people, in one line, that Slack and those like it show as it is. */
export function wordsOf(kind: string, data: Data): string {
  return `Hearth: ${WORDS.get(kind)?.(data) ?? `${shown(kind)}.`}`;
}

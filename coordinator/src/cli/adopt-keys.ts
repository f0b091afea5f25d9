import type { z } from "zod";
import { shortDigest } from "../accounts/fixed-keys.js";
import { adoptionSchema } from "../admin/account-forms.js";
import { readConfig } from "../config.js";
import { readSettings } from "../operator/settings.js";
import { readAnswer } from "./admin-api.js";
import type { AddCommand, CliContext } from "./context.js";
import { EXIT } from "./exit.js";
import { type RemoteOptions, remote, remoteCommand } from "./remote.js";
import { table } from "./table.js";

type Adoption = z.infer<typeof adoptionSchema>;
type Status = Adoption["keys"][number]["status"];

const SAID: Readonly<Record<Status, string>> = {
  adopted: "taken over now",
  present: "was there already",
  ended: "is there, and revoked or expired",
  other_account: "is there for another account",
};

/** `admin adopt-keys`: from the configuration file into accounts, without a new secret for anybody. */
export const addAdoptKeys: AddCommand = (admin, context) => {
  remoteCommand(
    admin,
    "adopt-keys",
    "take the API keys of the coordinator's configuration file over into accounts; their secrets stay the same",
  ).action(async (options: RemoteOptions) => {
    const { api, show, say } = remote(context, options);
    const here = digestsHere(context);
    const answer = await api.ask("POST", "/keys/adopt");
    const adoption = readAnswer(adoptionSchema, answer);
    show(answer, () => keysOf(adoption));
    for (const line of advice(adoption, here)) say(line);
    if (adoption.keys.some(({ status }) => !isKept(status))) context.exitWith(EXIT.failed);
  });
};

/** The keys of the file that HEARTH_CONFIG names here, which the coordinator may not have read yet. @throws ConfigError */
function digestsHere({ env }: CliContext): readonly string[] {
  const { settingsFile } = readConfig(env);
  if (settingsFile === undefined) return [];
  const { api_keys } = readSettings(settingsFile).written;
  return api_keys.map(({ sha256 }) => shortDigest(sha256));
}

const isKept = (status: Status): boolean => status === "adopted" || status === "present";

function keysOf({ keys }: Adoption): string {
  if (keys.length === 0) return "";
  const rows = keys.map(({ sha256_prefix, account, status, key }) => [
    ...[`${sha256_prefix}…`, account, SAID[status], key.id, key.account],
  ]);
  return table(["sha256 in the file", "its account", "in the database", "key", "of account"], rows);
}

function advice({ accounts_created, keys, provider_tokens }: Adoption, here: readonly string[]): readonly string[] {
  const kept = keys.filter(({ status }) => isKept(status)).map(({ sha256_prefix }) => sha256_prefix);
  const odd = keys.filter(({ status }) => !isKept(status)).map(({ sha256_prefix }) => sha256_prefix);
  const unread = here.filter((prefix) => !keys.some(({ sha256_prefix }) => sha256_prefix === prefix));
  const tokens = provider_tokens.map(({ sha256_prefix }) => sha256_prefix);
  const about = (prefixes: readonly string[], words: string): readonly string[] =>
    prefixes.length === 0 ? [] : [`${words}: ${prefixes.map((prefix) => `${prefix}…`).join(", ")}.`];
  return [
    ...(accounts_created.length === 0 ? [] : [`Accounts made: ${accounts_created.join(", ")}.`]),
    ...about(
      kept,
      "To be taken out of api_keys in the file now, and then SIGHUP; until then what the file says counts",
    ),
    ...about(odd, "Not taken over, since the database says something else of them; out of the file, that would count"),
    ...about(unread, "In the file here, but not in what the coordinator has read: SIGHUP, and once more"),
    ...about(tokens, "To stay in provider_tokens, since any machine may use them; machines get their own by log-in"),
  ];
}

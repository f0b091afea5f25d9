import type { Command } from "commander";
import { type AddressOptions, type AdminApi, openAdminApi } from "./admin-api.js";
import type { CliContext } from "./context.js";

/** Options of every command that asks the coordinator that runs. */
export interface RemoteOptions extends AddressOptions {
  readonly json?: boolean;
}

/** What such a command works with. */
export interface Remote {
  readonly api: AdminApi;
  /** Says what came of it: the answer as it is with `--json`, else in words for people; empty = there is none. */
  show(answer: unknown, text: () => string): void;
  /** Says on stderr what people want to know beside it. */
  say(line: string): void;
}

export function remoteCommand(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option("--url <url>", "address of the coordinator [env: HEARTH_URL, else where the variables say that it listens]")
    .option("--insecure", "let the operator's key travel unencrypted, on a network that you trust")
    .option("--json", "for scripts: the coordinator's answer as it is, on stdout");
}

export function remote(context: CliContext, options: RemoteOptions): Remote {
  return {
    api: openAdminApi(context, options),
    show(answer, text) {
      if (options.json) return context.print(JSON.stringify(answer, undefined, 2));
      const words = text();
      if (words === "") context.say("There are none.");
      else context.print(words);
    },
    say: (line) => context.say(line),
  };
}

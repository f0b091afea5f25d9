import { Command, type CommanderError } from "commander";
import { addAccount } from "./account.js";
import { addAdoptKeys } from "./adopt-keys.js";
import type { AddCommand, CliContext } from "./context.js";
import { CommandError, EXIT } from "./exit.js";
import { addKey } from "./key.js";
import { addBalance, addCredit, addPayout } from "./money.js";
import { addNewAdminKey } from "./new-admin-key.js";
import { addSignInLink } from "./sign-in-link.js";
import { addStoreCommands } from "./store-commands.js";

/** The commands of `hearth-coordinator admin`: each brings its own words. */
const ADMIN: readonly AddCommand[] = [
  addAccount,
  addKey,
  addCredit,
  addBalance,
  addPayout,
  addAdoptKeys,
  addSignInLink,
  addNewAdminKey,
  addStoreCommands,
];

const SETTINGS = `
Without a command it is the coordinator, and takes no options: its settings are variables of the environment, like
HEARTH_HOST, HEARTH_PORT and HEARTH_DATA_DIR, and a file that HEARTH_CONFIG names. docs/configuration.md has them all.`;

/**
 * The command line of `hearth-coordinator`. Parsing rejects with a `CommandError` for one that is wrong: an option that
 * went unheard would leave its owner with a setting that he believes he has changed.
 */
export function createProgram(context: CliContext, serve: () => Promise<void>): Command {
  const program = new Command("hearth-coordinator");
  program
    .addHelpText("after", SETTINGS)
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      // The help of a command that needs another one behind it.
      writeErr: (text) => context.say(text.trimEnd()),
      outputError: () => {},
    })
    .showSuggestionAfterError()
    .exitOverride(refusing(SETTINGS.trim()))
    .action(serve);
  const admin = program
    .command("admin")
    .description("what the operator does beside running it")
    .exitOverride(refusing("--help behind a command tells what it takes."));
  for (const add of ADMIN) add(admin, context);
  return program;
}

/** Says what is wrong with a command line, and where to read on. */
function refusing(advice: string): (error: CommanderError) => never {
  return (error) => {
    // Help was asked for and printed; or it stands on stderr already, in place of a message.
    if (error.exitCode === 0 || error.code === "commander.help") throw error;
    throw new CommandError(EXIT.config, `${error.message.replace(/^error: /, "")}\n${advice}`);
  };
}

import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import pc from "picocolors";
import { AgentError } from "../platform/agent-error.js";
import { AGENT_VERSION } from "../version.js";
import { addAttest } from "./commands/attest.js";
import { addBench } from "./commands/bench.js";
import { addConfig } from "./commands/config.js";
import { addDoctor } from "./commands/doctor.js";
import { addInit } from "./commands/init.js";
import { addLogin } from "./commands/login.js";
import { addLogs } from "./commands/logs.js";
import { addModels } from "./commands/models.js";
import { addServe } from "./commands/serve.js";
import { addService } from "./commands/service.js";
import { addStatus } from "./commands/status.js";
import type { CliContext, GlobalOptions } from "./invocation.js";

/** Colours of help; commander takes them out again where none are wanted. */
const paint = pc.createColors(true);

/** The command line of `hearth-agent`. Parsing rejects with an `AgentError` for a command line that is wrong. */
export function createProgram(context: CliContext): Command {
  const program: Command = new Command("hearth-agent");
  program
    .description("Lends this machine to a Hearth coordinator.")
    .version(AGENT_VERSION, "-V, --version", "print the version")
    .option("--config <file>", "configuration file [env: HEARTH_AGENT_CONFIG]")
    .option("--json", "for scripts: one JSON document on stdout, errors as JSON on stderr")
    .option("--no-color", "no colours [env: NO_COLOR]")
    .option("-q, --quiet", "print only what was asked for; log warnings only")
    .option("-v, --verbose", "log details")
    .configureHelp({
      styleTitle: (text) => paint.bold(text),
      styleCommandText: (text) => paint.cyan(text),
      styleSubcommandText: (text) => paint.cyan(text),
      styleOptionText: (text) => paint.cyan(text),
    })
    .configureOutput({
      outputError: () => {},
      // The help of a command that needs a subcommand; scripts get the error only.
      writeErr: (text) => {
        if (!program.opts<GlobalOptions>().json) context.stderr.write(text);
      },
    })
    .showSuggestionAfterError()
    .exitOverride((error) => {
      // Help and version were asked for and printed; anything else would come again with every restart.
      if (error.exitCode === 0) throw error;
      const said = error.message.replace(/^error: /, "");
      throw new AgentError(
        "config_invalid",
        isUsage(error.message) ? "Which command? Try hearth-agent --help." : `${said}\nTry hearth-agent --help.`,
      );
    });
  program.commandsGroup("Set up:");
  addInit(program, context);
  addLogin(program, context);
  addConfig(program, context);
  addDoctor(program, context);
  program.commandsGroup("Run:");
  addServe(program, context);
  addService(program, context);
  program.commandsGroup("Watch:");
  addStatus(program, context);
  addLogs(program, context);
  program.commandsGroup("Know:");
  addModels(program, context);
  addBench(program, context);
  addAttest(program, context);
  program.commandsGroup("More:");
  tab(program, { completionCommandName: "completion" });
  program.addHelpText("after", EXAMPLES);
  return program;
}

/** A command without its subcommand makes commander print help as an error, with this for a message. */
const isUsage = (message: string): boolean => message === "(outputHelp)";

const EXAMPLES = `
First steps:
  $ hearth-agent init      # looks at this machine and writes the configuration
  $ hearth-agent login     # has the machine accepted
  $ hearth-agent serve     # lends it; 'install' does so at every log-in`;

import { Command } from "commander";
import type { ServeFlags } from "../config.js";
import { AgentError } from "../platform/agent-error.js";
import { AGENT_VERSION } from "../version.js";

/** The command line of `hearth-agent`. Parsing rejects with an `AgentError` for a command line that is wrong. */
export function createProgram(serve: (flags: ServeFlags) => Promise<void>): Command {
  const program = new Command("hearth-agent")
    .description("Lends this machine to a Hearth coordinator.")
    .version(AGENT_VERSION)
    .configureOutput({ outputError: () => {} })
    .exitOverride((error) => {
      // Help and version were asked for and printed; anything else would come again with every restart.
      if (error.exitCode !== 0) throw new AgentError("config_invalid", `${error.message}\nTry hearth-agent --help.`);
      throw error;
    });
  program
    .command("serve")
    .description("connect to a coordinator and serve its requests until stopped")
    .option("-c, --coordinator <url>", "WebSocket URL of the coordinator [env: HEARTH_COORDINATOR]")
    .option("-b, --backend <url>", "'embedded', or the base URL of an OpenAI-compatible server, up to /v1", "embedded")
    .option("--backend-key <key>", "API key of that server [env: HEARTH_BACKEND_KEY]")
    .option("-m, --model <id>", "advertise only this model (repeatable)", collect, undefined)
    .option("--model-path <file>", "GGUF file for the embedded engine (default: the tiny model that ships with it)")
    .option("--embeddings", "the backend's models make embeddings (no backend says so itself)")
    .option("-n, --name <name>", "name of this agent; two agents on one machine need two names")
    .addHelpText("after", "\nThe provider token is read from HEARTH_PROVIDER_TOKEN.")
    .action((flags: ServeFlags) => serve(flags));
  return program;
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

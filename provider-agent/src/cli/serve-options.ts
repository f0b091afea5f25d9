import { type Command, Option } from "commander";
import { LOG_LEVELS } from "../config/schema.js";
import type { ServeFlags } from "../config.js";
import type { GlobalOptions } from "./invocation.js";

/** Adds what `serve` and `start` can be told. */
export function addServeOptions(command: Command): Command {
  return command
    .option(
      "-c, --coordinator <url>",
      "WebSocket URL of the coordinator (repeatable: the next is tried when one fails) [env: HEARTH_COORDINATOR]",
      collect,
    )
    .option("-b, --backend <url>", "'embedded', or the base URL of an OpenAI-compatible server, up to /v1")
    .option("--backend-key <key>", "API key of that server [env: HEARTH_BACKEND_KEY]")
    .option("-m, --model <id>", "advertise only this model (repeatable)", collect)
    .option("--model-path <file>", "GGUF file for the embedded engine (default: the tiny model that ships with it)")
    .option("--embeddings", "the backend's models make embeddings, though the server does not say so")
    .option("--completions", "the backend has /v1/completions, though that does not show")
    .option("-n, --name <name>", "name of this agent; two agents on one machine need two names")
    .addOption(new Option("--log-level <level>", "what is logged [env: HEARTH_LOG_LEVEL]").choices(LOG_LEVELS));
}

/** `--quiet` and `--verbose` speak of the log, unless its level is named. */
export function withLogLevel(flags: ServeFlags, { quiet, verbose }: GlobalOptions): ServeFlags {
  if (flags.logLevel !== undefined || !(quiet || verbose)) return flags;
  return { ...flags, logLevel: quiet ? "warn" : "debug" };
}

/**
 * The same flags as a command line. A backend's key is left out, for other users could see it: it goes through the
 * environment.
 */
export function serveArguments(flags: ServeFlags): readonly string[] {
  const coordinators = typeof flags.coordinator === "string" ? [flags.coordinator] : (flags.coordinator ?? []);
  const pairs: readonly (readonly [string, string | undefined])[] = [
    ...coordinators.map((url) => ["--coordinator", url] as const),
    ["--backend", flags.backend],
    ...(flags.model ?? []).map((id) => ["--model", id] as const),
    ["--model-path", flags.modelPath],
    ["--name", flags.name],
    ["--log-level", flags.logLevel],
  ];
  // In one word: a value may begin with a dash.
  const words = pairs.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`]));
  return [...words, ...(flags.embeddings ? ["--embeddings"] : []), ...(flags.completions ? ["--completions"] : [])];
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

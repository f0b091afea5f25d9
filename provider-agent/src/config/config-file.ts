import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "@hearth/disk";
import { describeFault, randomText } from "@hearth/platform";
import { parse, TomlError } from "smol-toml";
import type { z } from "zod";
import { AgentError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";
import { describeReadFault, readBounded } from "./read-bounded.js";
import { type ConfigFile, configFileSchema } from "./schema.js";
import { lineOf, locate, type Step } from "./toml-places.js";

/** A larger file is no configuration, bytes. */
const MAX_FILE_BYTES = 1 << 20;

/** One mistake in the file. */
export interface ConfigProblem {
  /** From 1; absent = the whole file. */
  readonly line?: number;
  /** As `config set` takes it; empty = the whole file. */
  readonly key: string;
  readonly problem: string;
}

/** What a configuration file says. */
export type LoadedConfig =
  | { readonly type: "absent"; readonly path: string }
  | { readonly type: "valid"; readonly path: string; readonly text: string; readonly values: ConfigFile }
  | {
      readonly type: "invalid";
      readonly path: string;
      readonly text: string;
      readonly problems: readonly ConfigProblem[];
    };

/** @throws AgentError `config_invalid` when there is a file that cannot be read */
export function loadConfig(path: string): LoadedConfig {
  let bytes: Buffer;
  try {
    bytes = readBounded(path, MAX_FILE_BYTES);
  } catch (cause) {
    if (describeFault(cause).code === "ENOENT") return { type: "absent", path };
    throw new AgentError("config_invalid", `${path} cannot be read: ${describeReadFault(cause)}.`, { cause });
  }
  if (bytes.length > MAX_FILE_BYTES) {
    const problems = [{ key: "", problem: `has over ${MAX_FILE_BYTES} bytes, more than any configuration needs` }];
    return { type: "invalid", path, text: "", problems };
  }
  return { path, ...readConfigText(bytes.toString("utf8")) };
}

type ReadText =
  | { readonly type: "valid"; readonly text: string; readonly values: ConfigFile }
  | { readonly type: "invalid"; readonly text: string; readonly problems: readonly ConfigProblem[] };

/** Reads a configuration, listing every problem with its place. No value is quoted: one may be a key. */
export function readConfigText(text: string): ReadText {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its message goes on with a piece of the file.
    const problem = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "is no TOML";
    return { type: "invalid", text, problems: [{ key: "", line: error.line, problem: `is no TOML: ${problem}` }] };
  }
  const parsed = configFileSchema.safeParse(document);
  if (parsed.success) return { type: "valid", text, values: parsed.data };
  const places = locate(text);
  const problems = parsed.error.issues.map((issue) => {
    const path = pathOf(issue);
    const line = lineOf(places, path);
    return { key: keyText(path), ...(line === undefined ? {} : { line }), problem: issue.message };
  });
  return { type: "invalid", text, problems };
}

/** An unknown key is at its own line, not at that of its table. */
function pathOf(issue: z.core.$ZodIssue): readonly Step[] {
  const path = issue.path as readonly Step[];
  return issue.code === "unrecognized_keys" ? [...path, ...issue.keys.slice(0, 1)] : path;
}

/** `backends.0.url`, as `config get` and `config set` take it. */
export function keyText(path: readonly Step[]): string {
  return path.map((step) => (/^[\w-]+$/.test(String(step)) ? step : JSON.stringify(step))).join(".");
}

/** The inverse of `keyText`; a number is an index. */
export function parseKey(key: string): readonly Step[] {
  const steps = key.match(/"(?:[^"\\]|\\.)*"|[^.[\]]+/g) ?? [];
  return steps.map((step) => {
    if (step.startsWith('"')) return JSON.parse(step) as string;
    return /^\d+$/.test(step) ? Number(step) : step;
  });
}

/** `config.toml:12: limits.max_concurrency: too small` */
export function problemLine(path: string, { line, key, problem }: ConfigProblem): string {
  return `${path}${line === undefined ? "" : `:${line}`}: ${key === "" ? "" : `${key}: `}${problem}`;
}

/**
 * Writes the file whole or not at all, for its owner only: it may hold keys.
 *
 * @throws AgentError `data_unusable`
 * @param keep `backup` leaves what was there beside it, as `config.toml.bak`
 */
export function writeConfig(path: string, text: string, keep: "backup" | "nothing" = "nothing"): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (keep === "backup") {
      copyFileSync(path, `${path}.bak`);
      chmodSync(`${path}.bak`, 0o600);
    }
    writeWhole(path, text, { draft: `${path}.${randomText(6)}`, existing: "replace" });
  } catch (cause) {
    throw dataUnusable(`${path} cannot be written`, cause);
  }
}

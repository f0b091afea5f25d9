import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import { z } from "zod";
import { AgentError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";
import type { MachineToken } from "./token-answer.js";

const schema = z
  .object({ token: z.string().min(1), machine_id: z.string().min(1), account: z.string().min(1) })
  .transform(({ token, machine_id: machineId, account }): MachineToken => ({ token, machineId, account }));

/**
 * The tokens of this machine, one for each coordinator, in the data directory for their owner only (0600). A token goes
 * with one identity, so agents of two names have two.
 */
export class TokenStore {
  readonly #dataDir: string;
  readonly #name: string;

  /** @param name the agent's, as in `loadIdentity` */
  constructor(dataDir: string, name: string) {
    this.#dataDir = dataDir;
    this.#name = name;
  }

  /** @throws AgentError `data_unusable` when the file cannot be read; `config_invalid` when it holds something else */
  load(origin: string): MachineToken | undefined {
    const path = this.#path(origin);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw unusable(path, error);
    }
    const parsed = schema.safeParse(json(text));
    if (parsed.success) return parsed.data;
    throw new AgentError("config_invalid", `${path} holds no token: remove it, and log in again.`);
  }

  /** Replaces what there was, whole or not at all. @throws AgentError `data_unusable` when it cannot be written */
  save(origin: string, { token, machineId, account }: MachineToken): void {
    const path = this.#path(origin);
    const content = `${JSON.stringify({ token, machine_id: machineId, account })}\n`;
    try {
      mkdirSync(this.#dataDir, { recursive: true, mode: 0o700 });
      // The token is told once: it has to be on the disk before anybody relies on it.
      writeWhole(path, content, { draft: `${path}.${randomText(6)}`, existing: "replace" });
    } catch (error) {
      throw unusable(path, error);
    }
  }

  /** @returns whether there was one */
  remove(origin: string): boolean {
    const path = this.#path(origin);
    try {
      rmSync(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw unusable(path, error);
    }
  }

  #path(origin: string): string {
    return join(this.#dataDir, `token-${encodeURIComponent(this.#name)}-${encodeURIComponent(origin)}`);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unusable(path: string, cause: unknown): AgentError {
  return dataUnusable(`${path} cannot be used`, cause);
}

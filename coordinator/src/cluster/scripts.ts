import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cluster, Redis } from "ioredis";

/** They lie beside the sources and beside what is built of them, at the same depth below the package. */
const FOLDER = fileURLToPath(new URL("../../lua/", import.meta.url));

type Argument = string | number;

/** The scripts of `lua/`, each under the name of its file; what they take and return stands at their heads. */
interface ScriptCalls {
  announceNode(alive: string, facts: string, ...args: Argument[]): Promise<string[]>;
  removeNode(alive: string, facts: string, ...args: Argument[]): Promise<number>;
  claimProvider(machine: string, ...args: Argument[]): Promise<string>;
  announceProvider(machine: string, ...args: Argument[]): Promise<number>;
  releaseProvider(machine: string, ...args: Argument[]): Promise<number>;
  reserveSlot(machine: string, leases: string, ...args: Argument[]): Promise<string>;
  renewSlots(leases: string, ...args: Argument[]): Promise<number>;
  takeRate(limit: string, ...args: Argument[]): Promise<[allowed: number, aheadMs: string, moment: string]>;
  returnRate(limit: string, ...args: Argument[]): Promise<string>;
  takeTurn(turn: string, ...args: Argument[]): Promise<number>;
  tellNews(count: string, ...args: Argument[]): Promise<number>;
  releaseSlot(leases: string, ...args: Argument[]): Promise<number>;
}

/** A connection that knows the scripts. */
export type ScriptedRedis = (Redis | Cluster) & ScriptCalls;

/** Teaches a connection the scripts; Redis is sent the text of each once. */
export function withScripts(redis: Redis | Cluster): ScriptedRedis {
  for (const file of readdirSync(FOLDER)) {
    const lua = readFileSync(`${FOLDER}${file}`, "utf8");
    redis.defineCommand(callName(file), { lua, numberOfKeys: keysOf(lua) });
  }
  return redis as ScriptedRedis;
}

/** `reserve-slot.lua` is called as `reserveSlot`. */
function callName(file: string): string {
  return file.replace(/\.lua$/, "").replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Each key is described at the head. */
function keysOf(lua: string): number {
  return lua.match(/^-- KEYS\[/gm)?.length ?? 0;
}

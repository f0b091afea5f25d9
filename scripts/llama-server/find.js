import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "../setup/repository.js";
import { SetUpError } from "../setup/set-up-error.js";
import { unpackFromDebian } from "./debian-packages.js";

const CACHE_FOLDER = join(ROOT, ".cache", "llama-server");

/**
 * Finds a llama-server, or fetches one. Costs the network only the first time.
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ path: string } | { missing: string }} `missing` says why, for a person
 */
export function findLlamaServer(env) {
  if (env.LLAMA_SERVER) {
    if (isExecutable(env.LLAMA_SERVER)) return { path: env.LLAMA_SERVER };
    throw new SetUpError(`LLAMA_SERVER is ${env.LLAMA_SERVER}, and there is no program of that name.`);
  }
  const onPath = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "llama-server"));
  const installed = onPath.find(isExecutable);
  if (installed) return { path: installed };
  const cached = join(CACHE_FOLDER, "llama-server");
  if (existsSync(cached)) return { path: cached };
  console.error("No llama-server on this machine; fetching one for the tests (once) …");
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const problem = unpackFromDebian(CACHE_FOLDER);
  return problem ? { missing: problem } : { path: cached };
}

/**
 * Sets LLAMA_SERVER for the tests, or says visibly that they will skip.
 * @param {NodeJS.ProcessEnv} env changed in place; HEARTH_REQUIRE_LLAMA_SERVER=1 makes absence an error
 * @throws {SetUpError}
 */
export function offerLlamaServer(env) {
  const found = findLlamaServer(env);
  if ("path" in found) {
    env.LLAMA_SERVER = found.path;
    return;
  }
  const notice = `No llama-server (${found.missing}). Install llama.cpp, or set LLAMA_SERVER to the program's path.`;
  if (env.HEARTH_REQUIRE_LLAMA_SERVER === "1") throw new SetUpError(notice);
  console.error(`NOTICE: tests against a real llama-server are skipped. ${notice}`);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

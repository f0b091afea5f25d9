import { join, resolve } from "node:path";
import { ROOT } from "../setup/repository.js";
import { SetUpError } from "../setup/set-up-error.js";

/** A wildcard address is where to listen, not where to call. */
const WILDCARDS = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "[::1]"],
]);

/**
 * @typedef {object} Settings
 * @property {string} host where the coordinator listens
 * @property {number} port 0 = any free one
 * @property {string} address host as part of a URL that works on this machine
 * @property {string} dataDir absolute
 * @property {string} logDir absolute
 * @property {boolean} showLogs print the programs' logs here instead of writing them to files
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Settings}
 */
export function readSettings(env) {
  const host = env.HEARTH_HOST || "127.0.0.1";
  const port = Number(env.HEARTH_PORT || "8080");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SetUpError(`HEARTH_PORT is "${env.HEARTH_PORT}": it must be a port number from 0 to 65535.`);
  }
  const dataDir = resolve(ROOT, env.HEARTH_DATA_DIR || ".hearth");
  return {
    host,
    port,
    address: WILDCARDS.get(host) ?? (host.includes(":") ? `[${host}]` : host),
    dataDir,
    logDir: join(dataDir, "logs"),
    showLogs: env.HEARTH_LOG === "1",
  };
}

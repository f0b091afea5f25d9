import { COORDINATOR } from "./rooms/coordinator.js";
import { DASHBOARD } from "./rooms/dashboard.js";
import { ATTESTATION, CLIENT, DIALECTS, DISK, E2E, ENGINE, PLATFORM, PROTOCOL } from "./rooms/libraries.js";
import { PROVIDER_AGENT } from "./rooms/provider-agent.js";
import { TESTBED } from "./rooms/testbed.js";

/**
 * What each room of each package may import, types included: what is not here is refused, and so is an entry that
 * nothing needs any more.
 *
 * A room is a folder below the package's `src` with all that is in it, but for folders that are rooms themselves.
 * `.` stands for the files at the top, a file's path for that file alone, `*.test.ts` for the package's tests.
 *
 * A room may import its own files and: `./room` or `./file.ts` of its package, `.` for the top of its package,
 * `../package/room` of another package's sources, packages by name (ours by entry point), `node:` modules one by one
 * or, where it does not matter, `node:*`. Tests may also import what their room may, and every room of their package.
 *
 * @type {Record<string, Record<string, string[]>>} by the package's folder
 */
export const ROOMS = {
  protocol: PROTOCOL,
  platform: PLATFORM,
  dialects: DIALECTS,
  disk: DISK,
  e2e: E2E,
  attestation: ATTESTATION,
  client: CLIENT,
  engine: ENGINE,
  coordinator: COORDINATOR,
  "provider-agent": PROVIDER_AGENT,
  testbed: TESTBED,
  dashboard: DASHBOARD,
};

/** The packages that speak to a database, and the rooms that may be given one: the table itself is held to this. */
export const DATABASES = {
  packages: ["better-sqlite3", "ioredis", "kysely", "libsql", "node:sqlite", "pg", "redis"],
  rooms: ["coordinator/store", "coordinator/cluster"],
};

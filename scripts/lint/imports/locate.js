import { posix } from "node:path";

/** The key under which a package's tests are in the table. */
export const TESTS = "*.test.ts";
const SOURCES = "src";
/** What is built stands where its source does: a program of a thread's, which reads no TypeScript, may take it. */
const BUILT = "dist";

/**
 * @typedef {object} Place where a file stands
 * @property {string} pack the package's folder
 * @property {string} path below the package's `src`
 * @property {string} room the folder of the table that it belongs to, `.` for the top; "" when the table has none
 */

/**
 * @param {string} file relative to the repository's root, with `/`
 * @param {Record<string, Record<string, string[]>>} table
 * @returns {Place | undefined} `undefined` for what is not in a package's sources
 */
export function locate(file, table) {
  const [pack, sources, ...rest] = file.split("/");
  if ((sources !== SOURCES && sources !== BUILT) || rest.length === 0) return undefined;
  const path = rest.join("/");
  return { pack, path, room: innermostRoom(posix.dirname(path), Object.keys(table[pack] ?? {})) };
}

/** The top is only for its own files: a folder that nobody has put into the table is in no room. */
function innermostRoom(folder, rooms) {
  if (rooms.includes(folder)) return folder;
  if (folder === ".") return "";
  const parent = posix.dirname(folder);
  return parent === "." ? "" : innermostRoom(parent, rooms);
}

/** The file that a relative specifier means: TypeScript imports `.ts` by the name of what becomes of it. */
export function resolveRelative(from, specifier) {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}

/** @returns {string} what the table calls a package: `hono` for `hono/utils/cookie`; ours keep their entry point */
export function packageOf(specifier) {
  if (/^(node:|#|@hearth\/)/.test(specifier)) return specifier;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** @returns {string[]} the names by which the table may allow a place, seen from a package */
export function namesOf({ pack, path, room }, from) {
  const base = pack === from ? "." : `../${pack}`;
  const names = [`${base}/${path}`];
  if (room !== "") names.push(room === "." ? base : `${base}/${room}`);
  return names;
}

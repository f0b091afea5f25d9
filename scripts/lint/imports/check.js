import { locate, namesOf, packageOf, resolveRelative, TESTS } from "./locate.js";
import { readImports } from "./read-imports.js";
import { TABLE_FOLDER, Uses } from "./uses.js";

/**
 * Holds every import of every file against the table of rooms. What the table does not allow is refused: a package, a
 * folder or a file that is in no room, an import that its room may not have, and an entry that nothing needs.
 *
 * @param {{ file: string, text: string }[]} sources by path relative to the root, with `/`
 * @param {Record<string, Record<string, string[]>>} table
 * @param {{ packages: string[], rooms: string[] }} databases who may have a database client
 * @returns {string[]} the problems, each with its file
 */
export function checkImports(sources, table, databases) {
  const uses = new Uses(table);
  const problems = misplacedDatabases(table, databases);
  for (const source of sources) problems.push(...checkFile(source, table, uses));
  return [...problems, ...uses.problems()];
}

function checkFile({ file, text }, table, uses) {
  const place = locate(file, table);
  if (place === undefined) return [];
  if (!Object.hasOwn(table, place.pack)) return [`${file}: the package ${place.pack} is not in ${TABLE_FOLDER}`];
  const rules = rulesOf(place, table[place.pack]);
  if (rules === undefined) return [`${file}: is in no room of ${place.pack} that ${TABLE_FOLDER} knows`];
  for (const key of rules.keys) uses.inhabit(place.pack, key);
  const imports = readImports(file, text);
  if (typeof imports === "string") return [`${file}: cannot be read: ${imports}`];
  return imports.flatMap((each) => {
    const problem = problemOf(each, { file, place, rules, table, uses });
    return problem === undefined ? [] : [`${file}:${each.line}: ${problem}`];
  });
}

/**
 * A file with an entry of its own has only that. A test has what its room has, what the package's tests have, and every
 * room of its package.
 */
function rulesOf({ path, room }, rooms) {
  if (Object.hasOwn(rooms, path)) return { keys: [path], isTest: false };
  const isTest = path.endsWith(".test.ts");
  // Where every file of the top is a room of its own, the tests beside them have none.
  const isHomeless = room === "" && (path.includes("/") || !isTest);
  if (isHomeless || (isTest && !Object.hasOwn(rooms, TESTS))) return undefined;
  const own = room === "" ? [] : [room];
  return { keys: isTest ? [TESTS, ...own] : own, isTest };
}

function problemOf({ specifier, inline }, context) {
  const { file, place, rules, table } = context;
  // A test that computes a path has nothing to hide; elsewhere it would be a door in the wall.
  if (specifier === undefined) return rules.isTest ? undefined : "imports a path that is computed: write it out";
  if (!specifier.startsWith(".")) return allowance([packageOf(specifier)], specifier, context);
  // Biome does not look for circles in these.
  if (inline) return `write import("${specifier}") as an import type at the top, where circles are found`;
  const target = locate(resolveRelative(file, specifier), table);
  if (target === undefined) return rules.isTest ? undefined : `imports "${specifier}", which is in no package's src`;
  return isAtHome(target, place, rules) ? undefined : allowance(namesOf(target, place.pack), specifier, context);
}

function isAtHome(target, place, { keys, isTest }) {
  if (target.pack !== place.pack) return false;
  return isTest || (target.room !== "" && keys.includes(target.room));
}

/** @returns {string | undefined} why none of these names is allowed */
function allowance(names, specifier, { place, rules, table, uses }) {
  const rooms = table[place.pack];
  const suitable = specifier.startsWith("node:") ? [...names, "node:*"] : names;
  // A test needs of its package's list only what its own room does not have, or the list would not stay tight.
  for (const key of rules.keys.toReversed()) {
    const entry = rooms[key].find((each) => suitable.includes(each));
    if (entry === undefined) continue;
    if (!rules.isTest || key === TESTS) uses.need(place.pack, key, entry);
    return undefined;
  }
  const who = rules.isTest ? `a test of ${place.pack}/${rules.keys[1] ?? ""}` : `${place.pack}/${rules.keys[0]}`;
  const allowed = rules.keys.flatMap((key) => rooms[key]).join(", ") || "nothing";
  return `${who} may not import "${specifier}" (${names.at(-1)}); it may import ${allowed}. See ${TABLE_FOLDER}`;
}

function misplacedDatabases(table, { packages, rooms: homes }) {
  const isHome = (room) => homes.some((home) => room === home || room.startsWith(`${home}/`));
  return Object.entries(table).flatMap(([pack, rooms]) =>
    Object.entries(rooms)
      .filter(([key]) => !isHome(`${pack}/${key}`))
      .flatMap(([key, allowed]) => allowed.filter((entry) => packages.includes(entry)).map((entry) => ({ key, entry })))
      .map(
        ({ key, entry }) => `${TABLE_FOLDER}: ${pack}/${key} may not have ${entry}: only ${homes.join(" and ")} may`,
      ),
  );
}

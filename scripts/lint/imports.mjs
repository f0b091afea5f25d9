// The second part of npm run lint: holds every import of the packages' sources against the table of rooms.
// node scripts/lint/imports.mjs [FOLDER: another working copy than this one]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../setup/repository.js";
import { checkImports } from "./imports/check.js";
import { DATABASES, ROOMS } from "./rooms.js";

const root = process.argv[2] ?? ROOT;
const SOURCE = /\.(ts|tsx|mts|js|mjs)$/;

/** The sources of every top-level folder that has some. */
function readSources() {
  const folders = readdirSync(root).filter((name) => /^[^.]/.test(name) && existsSync(join(root, name, "src")));
  const files = folders.flatMap((folder) => {
    const below = readdirSync(join(root, folder, "src"), { recursive: true });
    return below.filter((path) => SOURCE.test(path)).map((path) => `${folder}/src/${path.replaceAll("\\", "/")}`);
  });
  return files.sort().map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
}

const sources = readSources();
const problems = checkImports(sources, ROOMS, DATABASES);
for (const problem of problems) console.error(problem);
console.error(`Held the imports of ${sources.length} files against the rooms: ${problems.length} problems.`);
process.exitCode = problems.length === 0 ? 0 : 1;

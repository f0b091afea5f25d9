import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of the working copy. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The packages' folders, relative to {@link ROOT}: every top-level folder with a package.json. */
export function packageFolders() {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map((entry) => entry.name)
    .filter((folder) => existsSync(join(ROOT, folder, "package.json")))
    .sort();
}

/** @param {string} path relative to {@link ROOT} */
export function readRepositoryFile(path) {
  return readFileSync(join(ROOT, path), "utf8");
}

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, readRepositoryFile } from "./repository.js";
import { SetUpError } from "./set-up-error.js";

const FOLDER = join(ROOT, "dashboard");
/** Not among what is built: all of that is served. */
const STAMP_FILE = join(ROOT, ".cache", "dashboard-built");
/** What its files are made of, beside its sources. */
const BESIDE = ["dashboard/index.html", "dashboard/package.json", "dashboard/vite.config.js", "pnpm-lock.yaml"];

/** Bundles the web page, unless what is there is made of these sources. The coordinator serves the files as they are. */
export function buildDashboard() {
  const wanted = fingerprint();
  if (isBuilt(wanted)) return;
  const startedAt = performance.now();
  const vite = join(FOLDER, "node_modules", "vite", "bin", "vite.js");
  const result = spawnSync(process.execPath, [vite, "build", "--logLevel", "error"], {
    cwd: FOLDER,
    env: { ...process.env, NODE_ENV: "production" },
    encoding: "utf8",
  });
  if (result.status !== 0) {
    const output = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`.trim();
    throw new SetUpError(`${output}\n\nThe web page could not be built: see the bundler's messages above.`);
  }
  writeFileSync(STAMP_FILE, wanted);
  console.error(`Built the web page in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const path of [...BESIDE, ...filesBelow("dashboard/public"), ...filesBelow("dashboard/src")]) {
    const content = readRepositoryFile(path);
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** @param {string} folder relative to the repository's root */
function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort();
}

/** @param {string} wanted */
function isBuilt(wanted) {
  if (!existsSync(join(FOLDER, "dist", "index.html"))) return false;
  return existsSync(STAMP_FILE) && readFileSync(STAMP_FILE, "utf8") === wanted;
}

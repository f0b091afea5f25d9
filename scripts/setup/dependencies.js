import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolders, ROOT, readRepositoryFile } from "./repository.js";
import { SetUpError } from "./set-up-error.js";

/** pnpm comes through npx: corepack is not part of every Node, and this needs nothing installed beforehand. */
const PNPM = "pnpm@12.21.0";
const STAMP_FILE = join(ROOT, "node_modules", ".hearth-setup");

/** Installs the dependencies unless node_modules already is what the lockfile asks for. Needs the network only then. */
export function installDependencies() {
  const wanted = fingerprint();
  if (isInstalled(wanted)) return;
  console.error("Installing dependencies (about half a minute where nothing is cached) …");
  const startedAt = performance.now();
  rmSync(STAMP_FILE, { force: true });
  const result = spawnSync("npx", ["-y", PNPM, "install", "--frozen-lockfile", "--reporter=append-only"], {
    cwd: ROOT,
    env: installEnvironment(),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === "win32",
  });
  if (result.status !== 0) throw new SetUpError(explain(result));
  writeFileSync(STAMP_FILE, wanted);
  console.error(`Installed dependencies in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Changes whenever an install could give another result. */
function fingerprint() {
  const hash = createHash("sha256").update(`${PNPM} ${process.platform} ${process.arch}\n`);
  const manifests = ["package.json", ...packageFolders().map((folder) => `${folder}/package.json`)];
  for (const path of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests]) {
    const content = readRepositoryFile(path);
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** @param {string} wanted */
function isInstalled(wanted) {
  if (!existsSync(STAMP_FILE) || readFileSync(STAMP_FILE, "utf8") !== wanted) return false;
  return packageFolders().every((folder) => {
    const { dependencies, devDependencies } = JSON.parse(readRepositoryFile(`${folder}/package.json`));
    const needsNone = Object.keys({ ...dependencies, ...devDependencies }).length === 0;
    return needsNone || existsSync(join(ROOT, folder, "node_modules"));
  });
}

function installEnvironment() {
  const env = {
    ...process.env,
    CI: "true",
    npm_config_loglevel: "error",
    // Every version is exact and checked by its hash: what a cache already holds needs no question to the registry.
    npm_config_prefer_offline: "true",
    npm_config_update_notifier: "false",
  };
  // Under NODE_ENV=production pnpm would leave out the compiler.
  delete env.NODE_ENV;
  return env;
}

/** @param {import("node:child_process").SpawnSyncReturns<string>} result */
function explain(result) {
  if (result.error?.code === "ENOENT")
    return "npx was not found. It comes with Node.js: check that npm is installed too.";
  const output =
    `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ? `\n${result.error.message}` : ""}`.trim();
  const lines = output.split("\n").slice(-20).join("\n");
  return `${lines}\n\n${advice(output)}`;
}

/** @param {string} output */
function advice(output) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT/.test(output)
  ) {
    return "Could not install the dependencies: the npm registry cannot be reached. The first set-up needs the network; after it, everything works offline.";
  }
  if (/ENOTCACHED|NO_OFFLINE/.test(output)) {
    return "Could not install the dependencies: npm is set to offline mode, and the first set-up needs the network.";
  }
  if (/OUTDATED_LOCKFILE|FROZEN_LOCKFILE/.test(output)) {
    return `Could not install the dependencies: a package.json changed without pnpm-lock.yaml. Run: npx -y ${PNPM} install`;
  }
  if (/ENOSPC/.test(output)) return "Could not install the dependencies: the disk is full.";
  return "Could not install the dependencies: see pnpm's own words above.";
}

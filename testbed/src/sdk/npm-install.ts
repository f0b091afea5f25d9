import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Slow tests run where they are asked for; they bring what they test from npm. */
const WANTED = process.env["HEARTH_SLOW_TESTS"] === "1";

/** A registry may be at odds with itself for a moment. */
const TRIES = 2;
/** How long npm may take for some 400 MB, and for a word from its registry, ms. */
const INSTALL_MS = 240_000;
const ASK_MS = 60_000;
/** How long it all may take, ms. */
export const MAX_INSTALL_MS: number = TRIES * INSTALL_MS + ASK_MS;

const run = promisify(execFile);

/**
 * What slow tests are about. @see npmInstall
 * @returns `undefined`, with a notice, where they are not wanted, too
 */
export async function installWanted(...packages: readonly string[]): Promise<string | undefined> {
  return WANTED ? await npmInstall(packages) : notice(packages, "HEARTH_SLOW_TESTS is not 1");
}

/**
 * @param packages with their versions, and flags of npm
 * @param env npm's settings, beside this process's
 * @returns the folder that they are installed in; `undefined`, with a notice, where no registry answers
 * @throws Error when a registry answers and npm cannot install them all the same: what is to be tested is gone
 */
export async function npmInstall(
  packages: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const root = mkdtempSync(join(tmpdir(), "hearth-npm-"));
  writeFileSync(join(root, "package.json"), "{}");
  const npm = (args: readonly string[], timeout: number) =>
    run("npm", args, { cwd: root, timeout, env: { ...process.env, ...env } });
  let failure: unknown;
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      await npm(["install", "--no-audit", "--no-fund", ...packages], INSTALL_MS);
      return root;
    } catch (error) {
      failure = error;
    }
  }
  const answers = await npm(["view", "npm", "version"], ASK_MS).then(
    () => true,
    () => false,
  );
  rmSync(root, { recursive: true, force: true });
  if (answers) throw new Error(`npm could not install ${packages.join(" ")}`, { cause: failure });
  return notice(packages, "no registry of npm answers");
}

/** Says visibly what is not tested here. */
function notice(packages: readonly string[], why: string): undefined {
  console.warn(`NOTICE: ${why}; tests with ${packages.join(" ")} are skipped.`);
}

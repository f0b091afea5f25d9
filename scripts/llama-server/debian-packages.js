import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEFAULT_MIRROR = "http://deb.debian.org/debian";
/** The suites that carry llama.cpp, the better one first. Both move, so the version is not pinned. */
const SUITES = ["sid", "forky"];
/** The server and every library it loads, its own libc among them, so that the machine's release does not matter. */
const PACKAGES =
  "llama.cpp-tools libllama0 libggml0 libc6 libgcc-s1 libstdc++6 libssl3t64 libgomp1 libzstd1 zlib1g".split(" ");
const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const STEP_TIMEOUT_MS = 180_000;

const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
lib="$here/root/${LIBRARIES}"
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$lib/llama" "$here/root/usr/bin/llama-server" "$@"
`;

/**
 * Unpacks llama-server from Debian's packages into `folder`. Installs nothing and needs no root; about 5 s and 50 MB.
 * @param {string} folder replaced as a whole, and only once the new one works
 * @returns {string | undefined} why it could not be done
 */
export function unpackFromDebian(folder) {
  const obstacle = whyNotHere();
  if (obstacle) return obstacle;
  const work = `${folder}.${process.pid}`;
  const problems = [];
  try {
    for (const suite of SUITES) {
      const problem = unpackSuite(work, suite);
      if (!problem) {
        rmSync(folder, { recursive: true, force: true });
        renameSync(work, folder);
        return undefined;
      }
      problems.push(`${suite}: ${problem}`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return problems.join("; ");
}

function whyNotHere() {
  if (process.platform !== "linux" || process.arch !== "x64")
    return `no packages for ${process.platform} ${process.arch}`;
  if (spawnSync("apt-get", ["--version"]).error || spawnSync("dpkg", ["--version"]).error) return "this is not Debian";
  if (!existsSync(KEYRING)) return `${KEYRING} is missing`;
  return undefined;
}

/**
 * @param {string} work
 * @param {string} suite
 * @returns {string | undefined} the problem
 */
function unpackSuite(work, suite) {
  rmSync(work, { recursive: true, force: true });
  for (const folder of ["apt/lists/partial", "apt/cache/archives/partial", "debs", "root"]) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  writeFileSync(join(work, "apt/status"), "");
  writeFileSync(join(work, "apt/sources.list"), `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`);
  const apt = (...command) => run("apt-get", [...aptOptions(join(work, "apt")), ...command], join(work, "debs"));
  const problem = apt("update") ?? apt("download", ...PACKAGES) ?? unpackAll(work);
  if (problem) return problem;
  const libraries = join(work, "root", LIBRARIES);
  for (const name of readdirSync(join(libraries, "ggml/backends0"))) {
    // ggml looks for its backends beside itself.
    if (name.endsWith(".so")) symlinkSync(join("ggml/backends0", name), join(libraries, name));
  }
  writeFileSync(join(work, "llama-server"), LAUNCHER);
  chmodSync(join(work, "llama-server"), 0o755);
  rmSync(join(work, "apt"), { recursive: true });
  rmSync(join(work, "debs"), { recursive: true });
  return run(join(work, "llama-server"), ["--version"], work);
}

/** The mirror that this machine's own apt uses, which is the one known to be reachable. */
function mirror() {
  const targets = spawnSync("apt-get", ["indextargets", "--format", "$(REPO_URI)"], { encoding: "utf8" });
  const known = (targets.stdout ?? "").split("\n").filter((uri) => /\/debian\/?$/.test(uri));
  return known.sort()[0] ?? DEFAULT_MIRROR;
}

/** Points apt at a state of its own: the machine's package lists and caches stay untouched. */
function aptOptions(state) {
  const options = {
    "Dir::Etc::sourcelist": `${state}/sources.list`,
    "Dir::Etc::sourceparts": "-",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "-",
    "Dir::State::lists": `${state}/lists`,
    "Dir::State::status": `${state}/status`,
    "Dir::Cache": `${state}/cache`,
    "APT::Sandbox::User": "root",
    "Acquire::http::Timeout": "15",
    "Acquire::Languages": "none",
    // Without it a mirror that cannot be reached is only a warning, and the failure names a package instead.
    "APT::Update::Error-Mode": "any",
  };
  return ["-qq", ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

function unpackAll(work) {
  for (const name of readdirSync(join(work, "debs"))) {
    const problem = run("dpkg", ["-x", join(work, "debs", name), join(work, "root")], work);
    if (problem) return problem;
  }
  return undefined;
}

/** @returns {string | undefined} the problem */
function run(command, commandArguments, cwd) {
  const result = spawnSync(command, commandArguments, { cwd, encoding: "utf8", timeout: STEP_TIMEOUT_MS });
  if (result.status === 0) return undefined;
  const words = (result.stderr || result.error?.message || `exit code ${result.status}`).trim().split("\n");
  return words.filter((line) => !line.startsWith("W:")).at(-1) ?? words.at(-1);
}

import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readFileSync, type Stats } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { cpus, release, type, userInfo } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type IdentitySigner, newSoftwareKey, type Posture, softwareSigner } from "@hearth/attestation";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import { AgentError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";

/** Bytes of a key file at most; a P-256 key in PEM has about 240. */
const MAX_KEY_FILE_BYTES = 4096;
/** The permission bits of everybody but the owner. */
const OTHERS = 0o077;

/**
 * The identity key of this machine under this name, in a file of its owner's (0600): made once, and taken by every agent
 * that starts with it. Permissions that are too wide are narrowed; a file that another user owns, or that is no file, is
 * refused.
 *
 * @throws AgentError `data_unusable` when the directory cannot be used; `config_invalid` when the file holds something
 * else
 */
export function loadSoftwareIdentity(dataDir: string, name: string): IdentitySigner {
  const path = join(dataDir, `identity-key-${encodeURIComponent(name)}.pem`);
  let pem: string;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    makeOnce(path);
    pem = readGuarded(path);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw dataUnusable(`The data directory ${dataDir} cannot be used`, cause);
  }
  try {
    return softwareSigner(pem);
  } catch {
    // Without the cause: it might quote the file.
    throw new AgentError("config_invalid", `${path} holds no identity key: remove it, and a new one is made.`);
  }
}

function makeOnce(path: string): void {
  if (statOf(path) !== undefined) return;
  try {
    // Only if it is the first: two agents that start at once agree on one.
    writeWhole(path, newSoftwareKey(), { draft: `${path}.${randomText(6)}`, existing: "keep" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function readGuarded(path: string): string {
  const stat = lstatSync(path);
  const refuse = (why: string): AgentError => new AgentError("config_invalid", `${path} ${why}: remove it.`);
  if (!stat.isFile()) throw refuse("is no plain file");
  if (stat.size > MAX_KEY_FILE_BYTES) throw refuse("is too large for an identity key");
  // Windows has neither owners nor modes in this sense (`uid` is -1 there): the profile's own rights protect the file.
  const { uid } = userInfo();
  if (uid >= 0) {
    if (stat.uid !== uid) throw refuse("belongs to another user");
    if ((stat.mode & OTHERS) !== 0) chmodSync(path, 0o600);
  }
  return readFileSync(path, "utf8");
}

/**
 * What the agent can say of a machine without the Secure Enclave helper: nothing of its protection, so `null`.
 */
export async function readPlatformPosture(): Promise<Posture> {
  return {
    sip: null,
    secure_boot: null,
    filevault: null,
    hypervisor: null,
    binary_hash: await readBinaryHash(),
    os_version: `${type()} ${release()}`.slice(0, 256),
    chip: cpus()[0]?.model.trim().slice(0, 256) || null,
  };
}

let binaryHash: Promise<string | null> | undefined;

/**
 * The SHA-256 of the agent's own program, `null` when it does not run from its build. Read once; a process goes on with
 * the program that it has loaded.
 */
export function readBinaryHash(): Promise<string | null> {
  binaryHash ??= hashProgram(fileURLToPath(new URL("..", import.meta.url)));
  return binaryHash;
}

/**
 * The SHA-256, hex, of the JavaScript files below a folder: over one line a file, sorted by the bytes of its path, in the
 * form of `sha256sum`. An operator gets the same by
 * `cd dist && find * -type f -name '*.js' | LC_ALL=C sort | xargs sha256sum | sha256sum`. It covers the agent's own
 * package and no dependency.
 *
 * @returns `null` when there is none
 */
export async function hashProgram(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".js"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
  if (paths.length === 0) return null;
  const program = createHash("sha256");
  for (const path of paths) {
    const digest = createHash("sha256").update(await readFile(join(folder, path)));
    program.update(`${digest.digest("hex")}  ${path}\n`);
  }
  return program.digest("hex");
}

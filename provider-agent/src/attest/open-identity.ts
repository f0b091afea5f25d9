import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { IdentitySigner, Posture } from "@hearth/attestation";
import { writeWhole } from "@hearth/disk";
import { type Clock, randomText } from "@hearth/platform";
import { AgentError, isEnclaveError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";
import { type EnclaveHelper, openEnclaveHelper } from "./enclave/enclave-helper.js";
import type { DeviceEvidence } from "./prover.js";
import { loadSoftwareIdentity, readBinaryHash, readPlatformPosture } from "./software-identity.js";

/** Who this machine is, and the evidence for it. */
export interface MachineIdentity extends Disposable {
  readonly signer: IdentitySigner;
  readonly posture: () => Promise<Posture>;
  readonly evidence: DeviceEvidence | undefined;
}

/** Where a machine's identity is kept. */
export interface IdentityOptions {
  readonly dataDir: string;
  /** The agent's name, so that several on one machine have keys of their own. */
  readonly name: string;
  /** The Secure Enclave helper's program; absent = the key is in a file. */
  readonly enclaveHelper: string | undefined;
}

/**
 * Opens the machine's identity: in the Secure Enclave where there is a helper for it, else in a file.
 *
 * @throws AgentError `config_invalid` when the data directory cannot be used, or the helper does not do its work
 */
export async function openIdentity(options: IdentityOptions, clock: Clock): Promise<MachineIdentity> {
  const { dataDir, name, enclaveHelper: path } = options;
  if (path === undefined) {
    const signer = loadSoftwareIdentity(dataDir, name);
    return { signer, posture: readPlatformPosture, evidence: undefined, [Symbol.dispose]() {} };
  }
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const helper = await openEnclaveHelper({ path, args: ["--data-dir", dataDir] }, clock);
    try {
      return await withEnclave(helper, dataDir, name);
    } catch (error) {
      helper[Symbol.dispose]();
      throw error;
    }
  } catch (cause) {
    if (!isEnclaveError(cause)) throw cause;
    throw new AgentError("config_invalid", `The Secure Enclave helper ${path} cannot be used: ${cause.message}`, {
      cause,
    });
  }
}

async function withEnclave(helper: EnclaveHelper, dataDir: string, name: string): Promise<MachineIdentity> {
  const signer = await helper.openSigner(name);
  const { serial } = await helper.readPosture();
  const certificates = await helper.readCertificates();
  return {
    signer,
    async posture() {
      const { serial: _serial, ...posture } = await helper.readPosture();
      return { ...posture, binary_hash: await readBinaryHash() };
    },
    evidence: serial === null ? undefined : { serial, salt: serialSalt(dataDir), certificates },
    [Symbol.dispose]: () => helper[Symbol.dispose](),
  };
}

/** Always the same on this machine, so that its public hash is. */
function serialSalt(dataDir: string): Uint8Array {
  const path = join(dataDir, "serial-salt");
  try {
    writeWhole(path, randomText(16), { draft: `${path}.${randomText(6)}`, existing: "keep" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw dataUnusable(`${path} cannot be written`, error);
  }
  const salt = Buffer.from(readFileSync(path, "utf8").trim(), "base64url");
  if (salt.length === 16) return salt;
  throw new AgentError("config_invalid", `${path} holds no salt: remove it, and a new one is made.`);
}

import { identityOf, UnknownDocumentError, verifyDocument } from "@hearth/attestation";
import { generateKeyPair } from "@hearth/e2e";
import type { Clock } from "@hearth/platform";
import { wireKey } from "../../attest/connection-proofs.js";
import { openIdentity } from "../../attest/open-identity.js";
import { Prover } from "../../attest/prover.js";
import type { AgentSettings } from "../../config.js";
import { AgentError, isEnclaveError } from "../../platform/agent-error.js";
import { AGENT_VERSION } from "../../version.js";
import type { AttestPort, Introduction, OwnProof } from "../ports.js";

export interface AttestDeps {
  readonly clock: Clock;
  readonly wallTime: () => number;
}

/** What a machine is known by, as in `register`; made when there is none. */
export async function identityText({ clock }: Pick<AttestDeps, "clock">, settings: AgentSettings): Promise<string> {
  using identity = await openIdentity(settings, clock);
  return identityOf(identity.signer.publicKey);
}

/** Proofs by the key of this machine, and what others give out. */
export function attestPort({ clock, wallTime }: AttestDeps): AttestPort {
  return {
    show: (settings) => usingHelper(proofOf(settings, { clock, wallTime })),
    introduce: (settings) => usingHelper(introductionOf(settings, { clock, wallTime })),
    verify(document) {
      try {
        return verifyDocument(document);
      } catch (cause) {
        if (!(cause instanceof UnknownDocumentError)) throw cause;
        throw new AgentError("config_invalid", cause.message, { cause });
      }
    },
  };
}

async function usingHelper<T>(proving: Promise<T>): Promise<T> {
  try {
    return await proving;
  } catch (cause) {
    // The helper may end after it has opened the key.
    if (!isEnclaveError(cause)) throw cause;
    throw new AgentError("check_failed", `The Secure Enclave helper cannot be used: ${cause.message}`, { cause });
  }
}

async function introductionOf(settings: AgentSettings, { clock, wallTime }: AttestDeps): Promise<Introduction> {
  using identity = await openIdentity(settings, clock);
  const prover = new Prover({ ...identity, agentVersion: AGENT_VERSION, wallTime });
  const key = generateKeyPair();
  return { identity: prover.identity, encryption_key: wireKey(key), attestation: await prover.attest(key) };
}

async function proofOf(settings: AgentSettings, { clock, wallTime }: AttestDeps): Promise<OwnProof> {
  using identity = await openIdentity(settings, clock);
  const { signer, evidence } = identity;
  const posture = await identity.posture();
  const deps = { signer, posture: async () => posture, agentVersion: AGENT_VERSION, evidence, wallTime };
  // Bound to a key that nobody uses: it shows that the machine signs, and is good for nothing else.
  const attestation = await new Prover(deps).attest(generateKeyPair());
  return {
    identity: identityOf(signer.publicKey),
    key_storage: signer.kind,
    agent_version: AGENT_VERSION,
    posture,
    attestation,
  };
}

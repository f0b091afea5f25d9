import { identityOf, UnknownDocumentError, verifyDocument } from "@hearth/attestation";
import { generateKeyPair } from "@hearth/e2e";
import { Prover } from "../../attest/prover.js";
import { openIdentity } from "../../compose/open-identity.js";
import { AgentError } from "../../platform/agent-error.js";
import type { Clock } from "../../platform/clock.js";
import { AGENT_VERSION } from "../../version.js";
import type { AttestPort } from "../ports.js";

export interface AttestDeps {
  readonly clock: Clock;
  readonly wallTime: () => number;
  /** The Secure Enclave helper's program; absent = the key is in a file. */
  readonly enclaveHelper: string | undefined;
}

/** What a machine is known by, as in `register`; made when there is none. */
export async function identityText(
  { clock, enclaveHelper }: AttestDeps,
  dataDir: string,
  name: string,
): Promise<string> {
  using identity = await openIdentity({ dataDir, name, enclaveHelper, clock });
  return identityOf(identity.signer.publicKey);
}

/** Proofs by the key of this machine, and what others give out. */
export function attestPort({ clock, wallTime, enclaveHelper }: AttestDeps): AttestPort {
  return {
    async show({ dataDir, name }) {
      using identity = await openIdentity({ dataDir, name, enclaveHelper, clock });
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
    },
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

import type { AnnouncedKey, KeyRing } from "@hearth/e2e";
import { describeFault } from "@hearth/platform";
import type { ControlFrame, RegisterFrame } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";
import type { Prover } from "./prover.js";

/** The sending side of a connection. */
export interface ProofOutlet {
  send(frame: ControlFrame): void;
}

/** What `register` says of who the machine is. */
export type Introduction = Pick<RegisterFrame, "identity" | "encryption_key" | "attestation">;

/** Challenges of one coordinator that wait to be answered. It has one open at a time; each costs a signature. */
export const MAX_OPEN_CHALLENGES = 8;

interface Told {
  /** The key that this coordinator knows. */
  key: AnnouncedKey;
  openChallenges: number;
  /** Proofs are made one after the other: an answer must be about the key that was announced before it is sent. */
  turn: Promise<void>;
}

/** Proves the machine to each coordinator that it is connected to. */
export class ConnectionProofs {
  readonly #prover: Prover;
  readonly #keys: KeyRing;
  readonly #log: Logger;
  readonly #told = new WeakMap<ProofOutlet, Told>();

  constructor(prover: Prover, keys: KeyRing, log: Logger) {
    this.#prover = prover;
    this.#keys = keys;
    this.#log = log;
  }

  /** What to register with. */
  async introduce(outlet: ProofOutlet): Promise<Introduction> {
    const key = this.#keys.current;
    this.#told.set(outlet, { key, openChallenges: 0, turn: Promise.resolve() });
    const attestation = await this.#prover.attest(key);
    return { identity: this.#prover.identity, encryption_key: wireKey(key), attestation };
  }

  /** Answers a challenge. What cannot be signed, or comes too thick, is not answered: the coordinator counts that. */
  answer(challenge: string, outlet: ProofOutlet): void {
    const told = this.#told.get(outlet);
    if (told === undefined || told.openChallenges >= MAX_OPEN_CHALLENGES) return;
    told.openChallenges += 1;
    this.#inTurn(outlet, async ({ key }) => {
      try {
        outlet.send(await this.#prover.answer(challenge, key));
      } finally {
        told.openChallenges -= 1;
      }
    });
  }

  /** Announces the current key, where it is not known yet. */
  announce(outlet: ProofOutlet): void {
    this.#inTurn(outlet, async (told) => {
      const key = this.#keys.current;
      if (key.keyId === told.key.keyId) return;
      const attestation = await this.#prover.attest(key);
      outlet.send({ type: "key_update", encryption_key: wireKey(key), attestation });
      told.key = key;
    });
  }

  #inTurn(outlet: ProofOutlet, work: (told: Told) => Promise<void>): void {
    const told = this.#told.get(outlet);
    if (told === undefined) return;
    told.turn = told.turn
      .then(() => work(told))
      .catch((error: unknown) => this.#log.error({ problem: describeFault(error) }, "proof not made"));
  }
}

/** As frames carry it. */
export function wireKey({ keyId, publicKey }: AnnouncedKey): RegisterFrame["encryption_key"] {
  return { key_id: keyId, public_key: Buffer.from(publicKey).toString("base64url") };
}

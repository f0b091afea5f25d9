import {
  BatchVerifier,
  type PostureAnswer,
  type ProofFailure,
  type SignedBlob,
  type Verdict,
  verifyChallengeAnswer,
} from "@hearth/attestation";
import type { Clock, Rounds } from "@hearth/platform";
import { type AttestationProof, type ChallengeResponseFrame, LIMITS, type TrustLevel } from "@hearth/protocol";
import { startAge } from "../../platform/age.js";
import { type AttestationVerifier, bytesOf, type Proof, type ProofClaims } from "./attestation-verifier.js";

/** The last answer that passed, in the form in which anybody can check it. */
export interface PassedChallenge {
  readonly challenge: string;
  /** The machine's encryption key at that time. */
  readonly encryptionKey: string;
  readonly signed: SignedBlob;
  readonly content: PostureAnswer;
}

/** Unanswered challenges that are remembered: those of an hour. */
const MAX_OVERDUE = 12;
/** New keys between two challenges at most. An agent makes one in ten minutes, and each costs us a verification. */
const MAX_KEY_UPDATES = 20;

export interface TrustHooks {
  /** Sends a challenge to the machine. */
  challenge(challenge: string): void;
  passed(): void;
  /** @param inARow missed in a row; at `LIMITS.missedChallenges` the proof no longer counts */
  missed(inARow: number): void;
  failed(failure: ProofFailure): void;
}

export interface TrustDeps {
  readonly clock: Clock;
  readonly verifier: AttestationVerifier;
  readonly newChallenge: () => Uint8Array;
  /** In which it is looked whether a challenge is due. */
  readonly rounds: Rounds;
  readonly hooks: TrustHooks;
}

/** Keeps a machine's proof fresh by challenging it again and again. */
export class SessionTrust implements Disposable {
  readonly #deps: TrustDeps;
  readonly #rounds: Disposable;
  #claims: ProofClaims;
  #proof: Proof;
  #passed: PassedChallenge;
  /** The age of the last proof, ms; `undefined` when it no longer counts. */
  #age: (() => number) | undefined;
  /** Time since the last challenge, ms. */
  #sinceChallenge: () => number;
  #missedInARow = 0;
  #open: { readonly challenge: string; readonly timeout: Disposable } | undefined;
  /** The last few unanswered challenges before it. An answer to one of these is late and proves nothing. */
  #overdue: readonly string[] = [];
  #keyUpdates = 0;
  #batches: BatchVerifier | undefined;

  /** @param passed the challenge at registration */
  constructor(deps: TrustDeps, claims: ProofClaims, proof: Proof, passed: PassedChallenge) {
    this.#deps = deps;
    this.#claims = claims;
    this.#proof = proof;
    this.#passed = passed;
    this.#age = startAge(deps.clock);
    this.#sinceChallenge = this.#age;
    this.#rounds = deps.rounds.join(() => {
      if (this.#sinceChallenge() >= LIMITS.challengeIntervalMs) this.#challenge();
    });
  }

  /** Checks the signatures of its receipts. */
  get batches(): BatchVerifier {
    this.#batches ??= new BatchVerifier(this.#proof.verifier);
    return this.#batches;
  }

  get proof(): Proof {
    return this.#proof;
  }

  get passed(): PassedChallenge {
    return this.#passed;
  }

  /** Until when the last proof counts, ms on the coordinator's clock. Comes nearer when this process pauses. */
  get freshUntil(): number {
    return this.#deps.clock.now() + LIMITS.proofLifetimeMs - (this.#age?.() ?? LIMITS.proofLifetimeMs);
  }

  get level(): TrustLevel {
    return trustLevelOf(this.#proof, this.#passed, this.#deps.verifier.wallTime);
  }

  /** Takes the answer to a challenge. */
  answer(frame: ChallengeResponseFrame): void {
    if (this.#overdue.includes(frame.challenge)) return;
    const verdict = this.#verify(frame);
    if (verdict.type === "failed") return this.#deps.hooks.failed(verdict.failure);
    this.#close();
    const { publicKey: encryptionKey } = this.#claims.encryptionKey;
    this.#passed = { challenge: frame.challenge, encryptionKey, signed: signedOf(frame), content: verdict.value };
    this.#missedInARow = 0;
    this.#age = startAge(this.#deps.clock);
    this.#deps.hooks.passed();
  }

  /** Takes a new encryption key. @returns what is wrong with its proof */
  rotate(encryptionKey: ProofClaims["encryptionKey"], attestation: AttestationProof): ProofFailure | undefined {
    this.#keyUpdates += 1;
    if (this.#keyUpdates > MAX_KEY_UPDATES) return "too_often";
    const claims = { ...this.#claims, encryptionKey };
    const verdict = this.#deps.verifier.check(claims, attestation);
    if (verdict.type === "failed") return verdict.failure;
    this.#claims = claims;
    this.#proof = verdict.value;
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#rounds[Symbol.dispose]();
    this.#close();
  }

  #challenge(): void {
    if (this.#open !== undefined) this.#overdue = [...this.#overdue, this.#open.challenge].slice(-MAX_OVERDUE);
    this.#close();
    this.#keyUpdates = 0;
    this.#sinceChallenge = startAge(this.#deps.clock);
    const challenge = Buffer.from(this.#deps.newChallenge()).toString("base64url");
    const timeout = this.#deps.clock.setTimer(LIMITS.challengeTimeoutMs, () => this.#missed());
    this.#open = { challenge, timeout };
    this.#deps.hooks.challenge(challenge);
  }

  /** The challenge stays open until the next one, so that a late answer still counts. */
  #missed(): void {
    this.#missedInARow += 1;
    if (this.#missedInARow >= LIMITS.missedChallenges) this.#age = undefined;
    this.#deps.hooks.missed(this.#missedInARow);
  }

  #close(): void {
    this.#open?.timeout[Symbol.dispose]();
    this.#open = undefined;
  }

  #verify(frame: ChallengeResponseFrame): Verdict<PostureAnswer> {
    if (frame.challenge === this.#passed.challenge) return { type: "failed", failure: "replayed" };
    if (frame.challenge !== this.#open?.challenge) return { type: "failed", failure: "wrong_challenge" };
    return checkAnswer(frame, { proof: this.#proof, claims: this.#claims, nowMs: this.#deps.verifier.wallTime });
  }
}

/** The trust level that follows from what a machine has proved. */
export function trustLevelOf(proof: Proof, passed: PassedChallenge, nowMs: number): TrustLevel {
  const { sip, secure_boot: secureBoot } = passed.content.posture;
  const isVouchedFor = proof.deviceUntilMs !== undefined && nowMs < proof.deviceUntilMs;
  const isInEnclave = proof.content.key_storage === "secure_enclave";
  return isVouchedFor && isInEnclave && sip === true && secureBoot === true ? "hardware" : "self_attested";
}

interface AnswerContext {
  readonly proof: Proof;
  readonly claims: ProofClaims;
  readonly nowMs: number;
}

/** Checks an answer against its challenge. The program must be the one that was attested. */
export function checkAnswer(
  frame: ChallengeResponseFrame,
  { proof, claims, nowMs }: AnswerContext,
): Verdict<PostureAnswer> {
  const verdict = verifyChallengeAnswer(signedOf(frame), {
    verifier: proof.verifier,
    challenge: bytesOf(frame.challenge),
    encryptionKey: bytesOf(claims.encryptionKey.publicKey),
    agentVersion: claims.agentVersion,
    nowMs,
  });
  if (verdict.type === "failed") return verdict;
  const isSameProgram = verdict.value.posture.binary_hash === proof.content.posture.binary_hash;
  return isSameProgram ? verdict : { type: "failed", failure: "mismatch" };
}

export function signedOf(frame: { readonly blob: string; readonly signature: string }): SignedBlob {
  return { blob: bytesOf(frame.blob), signature: bytesOf(frame.signature) };
}

import { derToP1363, IDENTITY_KEY_BYTES, type IdentitySigner, verifySignature, withLowS } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import { AgentError } from "../../platform/agent-error.js";
import { type HelperCommand, HelperProcess } from "./helper-process.js";
import {
  type Answers,
  answerSchemas,
  ENCLAVE_PROTOCOL_VERSION,
  type EnclavePosture,
  MAX_MESSAGE_BYTES,
  type Question,
} from "./helper-protocol.js";

/** How long one answer may take, ms: `system_profiler` needs seconds on a busy machine. */
const ANSWER_TIMEOUT_MS = 20_000;

/** The small signed program that holds the Secure Enclave key of a Mac (`provider-agent/enclave`). */
export interface EnclaveHelper extends Disposable {
  /**
   * The signer of this name; its key is made in the enclave the first time.
   *
   * @throws AgentError
   */
  openSigner(name: string): Promise<IdentitySigner>;
  /** The machine's posture now. @throws AgentError */
  readPosture(): Promise<EnclavePosture>;
  /** The Managed Device Attestation that the owner has stored, DER, the device's first; empty = none. @throws AgentError */
  readCertificates(): Promise<readonly Uint8Array[]>;
}

/**
 * Starts the helper with the first question. One that ends, hangs or breaks the protocol is started again, once a
 * question: every question may be asked twice.
 *
 * @throws AgentError when it cannot be started or speaks another version
 */
export async function openEnclaveHelper(command: HelperCommand, clock: Clock): Promise<EnclaveHelper> {
  const link = new HelperLink(command, clock);
  try {
    await link.ask({ op: "hello", version: ENCLAVE_PROTOCOL_VERSION }, "hello");
  } catch (error) {
    link[Symbol.dispose]();
    throw error;
  }
  return {
    openSigner: (name) => openSigner(link, name),
    readPosture: () => link.ask({ op: "posture" }, "posture"),
    async readCertificates() {
      const { certificates } = await link.ask({ op: "attestation" }, "attestation");
      return certificates.map((text) => new Uint8Array(Buffer.from(text, "base64")));
    },
    [Symbol.dispose]: () => link[Symbol.dispose](),
  };
}

async function openSigner(link: HelperLink, name: string): Promise<IdentitySigner> {
  const answer = await link.ask({ op: "key", name }, "key");
  const publicKey = new Uint8Array(Buffer.from(answer.public_key, "base64"));
  if (publicKey.length !== IDENTITY_KEY_BYTES) {
    throw new AgentError("enclave_bad_answer", "The Secure Enclave helper's key is no P-256 point.");
  }
  return {
    kind: "secure_enclave",
    publicKey,
    async sign(message) {
      if (message.length > MAX_MESSAGE_BYTES) throw new RangeError(`At most ${MAX_MESSAGE_BYTES} bytes can be signed.`);
      const { signature: der } = await link.ask(
        { op: "sign", name, message: Buffer.from(message).toString("base64") },
        "sign",
      );
      const signature = derToP1363(Buffer.from(der, "base64"));
      if (signature === undefined) throw new AgentError("enclave_bad_answer", "The helper's signature is no DER.");
      // CryptoKit gives either of the two valid forms.
      const lower = withLowS(signature);
      if (verifySignature(publicKey, message, lower)) return lower;
      throw new AgentError("enclave_bad_signature", "The helper's signature is not one of the key that it named.");
    },
  };
}

/** The helper across its restarts. */
class HelperLink implements Disposable {
  readonly #command: HelperCommand;
  readonly #clock: Clock;
  #process: HelperProcess | undefined;
  #stopped = false;

  constructor(command: HelperCommand, clock: Clock) {
    this.#command = command;
    this.#clock = clock;
  }

  async ask<Op extends Question["op"]>(question: Extract<Question, { op: Op }>, op: Op): Promise<Answers[Op]> {
    const first = this.#running();
    try {
      return await this.#askOf(first, question, op);
    } catch (error) {
      // An answer of its own, even a refusal, would only come again.
      if (first.ended === undefined || first.ended.code === "enclave_not_started" || this.#stopped) throw error;
    }
    return await this.#askOf(this.#running(), question, op);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#process?.[Symbol.dispose]();
  }

  #running(): HelperProcess {
    if (this.#stopped) throw new AgentError("enclave_gone", "The Secure Enclave helper was stopped.");
    if (this.#process === undefined || this.#process.ended !== undefined) {
      this.#process = new HelperProcess(this.#command, this.#clock);
    }
    return this.#process;
  }

  async #askOf<Op extends keyof Answers>(process: HelperProcess, question: Question, op: Op): Promise<Answers[Op]> {
    const envelope = await process.ask(question, ANSWER_TIMEOUT_MS);
    if (!envelope.ok) {
      throw new AgentError("enclave_refused", `The Secure Enclave helper refuses ${op}: ${envelope.error}.`);
    }
    const { success, data } = answerSchemas[op].safeParse(envelope);
    if (!success)
      throw new AgentError("enclave_bad_answer", `The Secure Enclave helper's answer to ${op} is malformed.`);
    if (op === "hello" && (data as Answers["hello"]).version !== ENCLAVE_PROTOCOL_VERSION) {
      throw new AgentError(
        "enclave_version_unsupported",
        "The Secure Enclave helper speaks another version: build it anew.",
      );
    }
    return data;
  }
}

import { type EncryptionKeyPair, openRequest, type RequestOpener } from "@hearth/e2e";
import { type CancelReason, type DataFrame, LIMITS, type RequestFrame } from "@hearth/protocol";
import type { Backend } from "../backends/backend.js";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import { Job, type JobOutlet } from "./job.js";

export interface JobTableDeps {
  readonly backend: Backend;
  readonly keyPair: EncryptionKeyPair;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The jobs of the current connection, by stream. */
export class JobTable {
  /** Called when the last job has ended. */
  onIdle: () => void = () => {};
  readonly #deps: JobTableDeps;
  readonly #jobs = new Map<number, Job>();

  constructor(deps: JobTableDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#jobs.size;
  }

  running(model: string): number {
    let count = 0;
    for (const job of this.#jobs.values()) if (job.model === model) count += 1;
    return count;
  }

  /** Starts to gather a request. @returns whether the protocol allows it */
  open(frame: RequestFrame, outlet: JobOutlet): boolean {
    if (this.#jobs.has(frame.stream) || this.#jobs.size >= LIMITS.streamsPerConnection) return false;
    const opener = this.#openerOf(frame);
    if (opener === undefined) {
      // Sealed to a key that is gone: the coordinator knows the new one by now, or will.
      outlet.send({ type: "error", stream: frame.stream, code: "decryption_failed", progress: "not_started" });
      return true;
    }
    const { backend, clock, log } = this.#deps;
    const ended = (): void => this.#ended(frame.stream);
    this.#jobs.set(frame.stream, new Job(frame, { backend, clock, log, outlet, opener, ended }));
    return true;
  }

  /** @returns whether the protocol allows it; parts for a stream that has failed already do no harm */
  body(data: DataFrame): boolean {
    return this.#jobs.get(data.stream)?.body(data) ?? true;
  }

  cancel(stream: number, reason: CancelReason): void {
    this.#jobs.get(stream)?.cancel(reason);
  }

  grant(stream: number, bytes: number): void {
    this.#jobs.get(stream)?.grant(bytes);
  }

  /** The connection is gone. */
  abandon(): void {
    for (const job of [...this.#jobs.values()]) job.abandon();
  }

  #ended(stream: number): void {
    if (this.#jobs.delete(stream) && this.#jobs.size === 0) this.onIdle();
  }

  #openerOf(frame: RequestFrame): RequestOpener | undefined {
    if (frame.key_id !== this.#deps.keyPair.keyId) return undefined;
    try {
      return openRequest({
        keyPair: this.#deps.keyPair,
        encapsulatedKey: Buffer.from(frame.encapsulated_key, "base64url"),
        binding: { requestId: frame.request_id, attemptId: frame.attempt_id },
      });
    } catch {
      return undefined;
    }
  }
}

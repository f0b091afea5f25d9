import { type EncryptionKeyPair, openRequest, type RequestOpener } from "@hearth/e2e";
import { type CoordinatorFrame, type DataFrame, LIMITS, type RequestFrame } from "@hearth/protocol";
import type { Backend } from "../backends/backend.js";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import { Job, type JobOutlet } from "./job.js";

/** Control frames that concern one stream. */
export type StreamFrame = Extract<CoordinatorFrame, { readonly stream: number }>;

export interface JobTableDeps {
  readonly backend: Backend;
  readonly keyPair: EncryptionKeyPair;
  readonly clock: Clock;
  readonly log: Logger;
  /** The last job has ended. */
  readonly idle: () => void;
}

/** The jobs of the current connection, by stream. Frames for streams that have ended, or never were, do no harm. */
export class JobTable {
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

  /** @returns whether the protocol allows the frame */
  control(frame: StreamFrame, outlet: JobOutlet): boolean {
    switch (frame.type) {
      case "request":
        return this.#open(frame, outlet);
      case "cancel":
        this.#jobs.get(frame.stream)?.cancel(frame.reason);
        return true;
      case "credit":
        this.#jobs.get(frame.stream)?.grant(frame.bytes);
        return true;
    }
  }

  /** Takes a part of a request's body. @returns whether the protocol allows it */
  data(frame: DataFrame): boolean {
    return frame.kind === "request" && (this.#jobs.get(frame.stream)?.body(frame) ?? true);
  }

  /** The connection is gone. */
  abandon(): void {
    for (const job of [...this.#jobs.values()]) job.abandon();
  }

  #open(frame: RequestFrame, outlet: JobOutlet): boolean {
    const { stream } = frame;
    if (this.#jobs.has(stream) || this.#jobs.size >= LIMITS.streamsPerConnection) return false;
    const opener = this.#openerOf(frame);
    if (opener === undefined) {
      // Sealed to a key that is gone: the coordinator knows the new one by now, or will.
      outlet.send({ type: "error", stream, code: "decryption_failed", progress: "not_started" });
      return true;
    }
    const { backend, clock, log } = this.#deps;
    const ended = (): void => this.#ended(stream);
    this.#jobs.set(stream, new Job(frame, { backend, clock, log, outlet, opener, ended }));
    return true;
  }

  #ended(stream: number): void {
    if (this.#jobs.delete(stream) && this.#jobs.size === 0) this.#deps.idle();
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

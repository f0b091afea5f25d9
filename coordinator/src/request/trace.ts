import type { Clock } from "@hearth/platform";
import type { RequestId } from "@hearth/protocol";
import type { SentAttempt } from "../dispatch/open-attempt.js";
import type { Attempt, Outcome } from "../dispatch/types.js";

/** What one request went through: becomes the response headers at the commit, and not before. */
export class RequestTrace {
  readonly #clock: Clock;
  readonly #sent: SentAttempt[] = [];
  #markedAt: number;
  #parseMs = 0;
  #reserveMs = 0;
  #queueMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#markedAt = clock.now();
  }

  parsed(): void {
    this.#parseMs = this.#sinceMark();
  }

  reserved(queuedMs: number): void {
    this.#queueMs = queuedMs;
    this.#reserveMs = Math.max(0, this.#sinceMark() - queuedMs);
  }

  sent(sent: SentAttempt): void {
    this.#sent.push(sent);
  }

  get attempts(): number {
    return this.#sent.length;
  }

  /** A backup was among the attempts. */
  get hedged(): boolean {
    return this.#sent.some((each) => each.role === "backup");
  }

  find(attempt: Attempt): SentAttempt | undefined {
    return this.#sent.find((each) => each.attempt === attempt);
  }

  /** The attempt that answered. */
  served(outcome: Outcome): SentAttempt | undefined {
    if (outcome.type !== "success") return undefined;
    return this.#sent.find((each) => each.attempt.id === outcome.attempt);
  }

  /** What the response headers tell of the attempt that won. */
  headers(winner: Attempt, requestId: RequestId): Record<string, string> {
    const sent = this.find(winner);
    if (sent === undefined) return {};
    const { session } = sent;
    const providerMs = this.#clock.now() - sent.attempt.startedAt;
    return {
      "X-Provider-Id": session.id,
      "X-Provider-Attested": String(session.trust !== "none"),
      "X-Provider-Trust-Level": session.trust,
      "X-Provider-Encrypted": "true",
      ...(session.hardware.chip === undefined ? {} : { "X-Provider-Chip": headerSafe(session.hardware.chip) }),
      "X-Provider-Version": headerSafe(session.agentVersion),
      ...(session.proven === undefined ? {} : { "X-Receipt-Id": requestId }),
      "X-Attempts": String(this.attempts),
      "X-Timing": this.#timing(sent, providerMs),
    };
  }

  #timing(sent: SentAttempt, providerMs: number): string {
    return JSON.stringify({
      parse_us: micros(this.#parseMs),
      reserve_us: micros(this.#reserveMs),
      route_us: micros(sent.routeMs),
      queue_us: micros(this.#queueMs),
      encrypt_us: micros(sent.encryptMs),
      dispatch_us: micros(sent.dispatchMs),
      provider_us: micros(providerMs),
    });
  }

  #sinceMark(): number {
    const now = this.#clock.now();
    const ms = now - this.#markedAt;
    this.#markedAt = now;
    return ms;
  }
}

const micros = (ms: number): number => Math.round(ms * 1000);

/** What a provider says of itself, fit for a header: printable ASCII. */
const headerSafe = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?");

import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { RequestRecord } from "./request-record.js";

/** What the response headers tell of the attempt that won, and of the request's way to it. */
export function answerHeaders(record: RequestRecord, winner: SentAttempt, now: number): Record<string, string> {
  const { link, model } = winner;
  return {
    "X-Provider-Id": link.id,
    "X-Provider-Attested": String(link.trust !== "none"),
    "X-Provider-Trust-Level": link.trust,
    "X-Provider-Encrypted": "true",
    ...(link.hardware.chip === undefined ? {} : { "X-Provider-Chip": headerSafe(link.hardware.chip) }),
    "X-Provider-Version": headerSafe(link.agentVersion),
    "X-Provider-Model": headerSafe(model),
    ...(link.proven === undefined ? {} : { "X-Receipt-Id": record.request.id }),
    "X-Attempts": String(record.attempts.length),
    "X-Timing": timing(record, winner, now),
  };
}

function timing({ times, queuedMs }: RequestRecord, { times: sending, attempt }: SentAttempt, now: number): string {
  return JSON.stringify({
    parse_us: micros(times.parsedAt - times.arrivedAt),
    reserve_us: micros(Math.max(0, times.admittedAt - times.parsedAt - queuedMs)),
    route_us: micros(sending.routeMs),
    queue_us: micros(queuedMs),
    encrypt_us: micros(sending.encryptMs),
    dispatch_us: micros(sending.dispatchMs),
    provider_us: micros(now - attempt.startedAt),
  });
}

const micros = (ms: number): number => Math.round(ms * 1000);

/** What a provider says of itself, fit for a header: printable ASCII. */
const headerSafe = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?");

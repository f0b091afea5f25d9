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
    ...(link.proven === undefined ? {} : { "X-Receipt-Id": receiptIdOf(record, winner) }),
    "X-Attempts": String(record.attempts.length),
    ...ignoredHeader(record.request.ignored),
    "X-Timing": timing(record, winner, now),
  };
}

/** Most names in the header: a body can have more members than fit into what proxies let pass. */
const MAX_IGNORED = 32;
/** Characters of one of them at most. */
const MAX_IGNORED_LENGTH = 64;

/** Each name once. They come from the consumer's body, and a comma in one of them must not split it. */
function ignoredHeader(ignored: readonly string[]): { readonly "X-Hearth-Ignored"?: string } {
  if (ignored.length === 0) return {};
  const names = new Set(ignored.map((name) => headerSafe(name.slice(0, MAX_IGNORED_LENGTH)).replaceAll(",", "?")));
  return { "X-Hearth-Ignored": [...names].slice(0, MAX_IGNORED).join(", ") };
}

/** Each of several answers has a receipt of its own. */
function receiptIdOf({ choices, request }: RequestRecord, winner: SentAttempt): string {
  return choices.find((choice) => choice.winner === winner)?.request.id ?? request.id;
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

/** A provider's own words reduced to printable ASCII, as a header needs it. */
const headerSafe = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?");

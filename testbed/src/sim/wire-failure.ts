import type { ErrorFrame } from "@hearth/protocol";
import type { WireFailure } from "./journal.js";

// What a failure means by docs/dispatch.md, rule 10, and not by the code.

/** What an agent's error frame means. */
export function failureOf({ code, status, progress }: Pick<ErrorFrame, "code" | "status" | "progress">): WireFailure {
  switch (code) {
    case "bad_request":
    case "backend_error":
      return failureOfStatus(status ?? 502);
    case "capacity":
    case "cancelled":
    case "decryption_failed":
      return { kind: "refusal" };
    case "backend_stalled":
      return { kind: "fault" };
    case "backend_unreachable":
      return { kind: "fault", likeness: code };
    case "model_not_found":
      return progress === "not_started" ? { kind: "refusal" } : { kind: "fault", likeness: "502" };
    case "internal":
      return { kind: "fault", likeness: "502" };
  }
}

/** What the status of a backend means, or the number inside an error that came in an HTTP 200. */
export function failureOfStatus(status: number): WireFailure {
  if (status === 429 || status === 503) return { kind: "refusal" };
  // Time-outs know nothing of a request.
  if (status === 504 || status === 408) return { kind: "fault" };
  const isSetUp = status === 401 || status === 403 || status === 404;
  return status >= 400 && status < 500 && !isSetUp ? { kind: "rejected" } : { kind: "fault", likeness: "502" };
}

import { type ErrorFrame, LIMITS, type Progress } from "@hearth/protocol";
import type { BackendResponse } from "../backends/backend.js";
import { readBytes } from "../backends/http-client.js";

type Told = Omit<ErrorFrame, "type" | "stream">;

/** Why a job failed, in the words of the `error` frame. */
export class JobFailure extends Error {
  readonly frame: Told;

  constructor(frame: Told, options?: ErrorOptions) {
    super(frame.code, options);
    this.name = "JobFailure";
    this.frame = frame;
  }

  /** The backend said nothing for too long. */
  static stalled(): JobFailure {
    return new JobFailure({ code: "backend_stalled", status: 504, progress: "processed" });
  }

  /** The backend's stream ended inside an event. */
  static truncated(): JobFailure {
    return new JobFailure({ code: "backend_error", status: 502, progress: "processed" });
  }

  /** A 200 that is no event stream: an error inside it speaks for itself, anything else breaks the contract. */
  static async ofPlainBody(response: BackendResponse): Promise<JobFailure> {
    const body = await readBytes(response.body, LIMITS.errorBodyBytes);
    return new JobFailure({ code: "backend_error", status: wrappedStatus(body), progress: "processed" });
  }

  /** Whatever was thrown while a job ran. */
  static from(thrown: unknown, sentAnything: boolean): JobFailure {
    const cause = thrown instanceof Error && thrown.name === "AbortError" ? thrown.cause : thrown;
    if (cause instanceof JobFailure) return cause;
    const progress: Progress = sentAnything ? "processed" : "not_started";
    if (cause instanceof RangeError) return new JobFailure({ code: "backend_error", status: 502, progress });
    return new JobFailure({ code: "backend_unreachable", status: 502, progress }, { cause });
  }
}

function wrappedStatus(body: Buffer): number {
  try {
    const { error } = JSON.parse(body.toString("utf8")) as { error?: { code?: unknown } | null };
    const code = error?.code;
    return typeof code === "number" && code >= 400 && code <= 599 ? code : 502;
  } catch {
    return 502;
  }
}

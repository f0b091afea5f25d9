import { errorInBody, isObject, saysOverflow, statusOfError } from "@hearth/dialects";
import { type ErrorFrame, LIMITS, type Progress } from "@hearth/protocol";

type Told = Pick<ErrorFrame, "code" | "status" | "progress">;

const inMiB = (bytes: number): string => `${bytes / 2 ** 20} MiB`;

/** The messages for an answer that is too large. */
const OVERSIZE = {
  answer: `The backend's answer is larger than ${inMiB(LIMITS.responseBodyBytes)}.`,
  event: `The backend's answer has an event that is larger than ${inMiB(LIMITS.responseEventBytes)}.`,
} as const;

/** Why a job failed, in the words of the `error` frame. */
export class JobFailure extends Error {
  readonly told: Told;
  /** The backend's error body. It may quote the prompt, and so travels sealed. */
  readonly body: Uint8Array | undefined;

  constructor(told: Told, options?: ErrorOptions & { readonly body?: Uint8Array }) {
    super(told.code, options);
    this.name = "JobFailure";
    this.told = told;
    this.body = options?.body;
  }

  /** The backend said nothing for too long. */
  static stalled(): JobFailure {
    return new JobFailure({ code: "backend_stalled", status: 504, progress: "processed" });
  }

  /** Something of the answer is larger than may travel. @param cause by whose name the log tells what */
  static oversize(what: keyof typeof OVERSIZE, cause?: unknown): JobFailure {
    const body = Buffer.from(JSON.stringify({ error: { message: OVERSIZE[what] } }));
    return new JobFailure({ code: "backend_error", status: 502, progress: "processed" }, { cause, body });
  }

  /** The backend's stream ended inside an event, or without the end that its dialect has. */
  static truncated(): JobFailure {
    return new JobFailure({ code: "backend_error", status: 502, progress: "processed" });
  }

  /** No answer came. */
  static unreachable(cause: unknown): JobFailure {
    return new JobFailure({ code: "backend_unreachable", status: 502, progress: "not_started" }, { cause });
  }

  /** The answer broke off. */
  static brokenOff(cause: unknown): JobFailure {
    return new JobFailure({ code: "backend_error", status: 502, progress: "processed" }, { cause });
  }

  /** No slot became free, and the backend has not seen the request: another machine may take it. */
  static noFreeSlot(): JobFailure {
    return new JobFailure({ code: "capacity", progress: "not_started" });
  }

  static cancelled(progress: Progress): JobFailure {
    return new JobFailure({ code: "cancelled", progress });
  }

  /** The backend refused, or failed, with an HTTP status. */
  static ofStatus(status: number, body: Uint8Array): JobFailure {
    return new JobFailure(toldOf(status === 500 ? serverErrorIn(body) : status), { body });
  }

  /** The backend put an error into its stream, which takes it to the coordinator. @param begun behind content */
  static inStream(error: unknown, begun: boolean): JobFailure {
    const told = toldOf(statusOfError(error));
    return new JobFailure(begun ? { ...told, progress: "processed" } : told);
  }

  /** The same of an answer that would have been sent as a whole: the error travels by itself. */
  static inWhole(error: unknown, begun: boolean): JobFailure {
    const { told } = JobFailure.inStream(error, begun);
    return new JobFailure(told, error === undefined ? {} : { body: Buffer.from(JSON.stringify({ error })) });
  }

  /** A 200 that is no event stream: an error inside it speaks for itself, anything else breaks the contract. */
  static ofPlainBody(body: Buffer): JobFailure {
    return JobFailure.ofStatus(statusOfError(errorInBody(body.toString("utf8"))), body);
  }
}

/** Some answer a prompt that is too long with a 500. One that says 500 itself means a context that is full of others. */
function serverErrorIn(body: Uint8Array): number {
  const told = errorInBody(Buffer.from(body).toString("utf8"));
  const error = isObject(told) ? told : { message: told };
  return saysOverflow(error) && error["code"] !== 500 ? 400 : 500;
}

function toldOf(answered: number): Told {
  // What is neither an answer nor an error (a redirect) breaks the contract.
  const status = answered < 400 ? 502 : answered;
  return { code: codeOf(status), status, progress: status >= 500 && status !== 503 ? "processed" : "refused" };
}

/** What went wrong with the call itself; 401, 403, 404 and 408 tell of this machine's set-up, not of the request. */
function codeOf(status: number): ErrorFrame["code"] {
  if (status === 429 || status === 503) return "capacity";
  if (status === 404) return "model_not_found";
  const isRequestsFault = status < 500 && status !== 401 && status !== 403 && status !== 408;
  return isRequestsFault ? "bad_request" : "backend_error";
}

/** What ends a command, or the agent, for good. Each has an exit code, which the README documents. */
export type FinalErrorCode =
  | "internal"
  /** Flags, environment, or the configuration file. */
  | "config_invalid"
  /** The coordinator refuses the provider token. */
  | "unauthorized"
  /** Agent and coordinator have no protocol version in common. */
  | "version_unsupported"
  /** The embedded engine's package is not installed. */
  | "engine_missing"
  /** The embedded engine or its model does not run here. */
  | "engine_failed"
  /** Another agent of this name runs on this data directory. */
  | "already_running"
  /** No agent runs that could be asked. */
  | "not_running"
  /** A check was made and something is wrong. */
  | "check_failed"
  /** The init system is not there, or refuses. */
  | "service_failed"
  /** The worker crashed too often to be started again. */
  | "crash_loop"
  /** A coordinator or a backend that a command needs does not answer. */
  | "unreachable"
  /** A file or directory of the agent's cannot be used: rights, a full or read-only disk, something else in its place. */
  | "data_unusable"
  /** The owner cancelled a question. */
  | "cancelled";

/** What ends a piece of work, and is handled where that was asked for. */
export type WorkErrorCode =
  /** A model server answers and does not serve; the message is a short phrase for the log. */
  | "server_unusable"
  /** A file is no GGUF, or is cut off or damaged; the message is a short phrase for its owner. */
  | "gguf_unreadable"
  /** A chat template refuses the conversation by its own word. */
  | "template_refused"
  | EnclaveErrorCode;

/** What can go wrong with the Secure Enclave helper. No message holds anything that the helper was asked to sign. */
export type EnclaveErrorCode =
  /** The program is not there, or may not be started. */
  | "enclave_not_started"
  /** It ended, also when it was started again. */
  | "enclave_gone"
  /** It did not answer in time, also when it was started again. */
  | "enclave_timeout"
  /** It says what the protocol does not allow. */
  | "enclave_bad_answer"
  /** Its signature is not one of the key that it named. */
  | "enclave_bad_signature"
  /** It speaks another version of the protocol. */
  | "enclave_version_unsupported"
  /** It answers with an error of its own, which the message names. */
  | "enclave_refused";

export type AgentErrorCode = FinalErrorCode | WorkErrorCode;

/** The agent's error class. What becomes of a job is `JobFailure`, in the words of its frame. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AgentError";
    this.code = code;
  }
}

/** An error that ends a command, and was foreseen. */
export type FinalError = AgentError & { readonly code: FinalErrorCode };

export function isFinal(error: unknown): error is FinalError {
  return error instanceof AgentError && Object.hasOwn(EXIT_CODES, error.code);
}

export function hasCode<Code extends AgentErrorCode>(
  error: unknown,
  code: Code,
): error is AgentError & { readonly code: Code } {
  return error instanceof AgentError && error.code === code;
}

/** Whether the Secure Enclave helper has failed. */
export function isEnclaveError(error: unknown): error is AgentError & { readonly code: EnclaveErrorCode } {
  return error instanceof AgentError && error.code.startsWith("enclave_");
}

/** Process exit codes; 0 is a clean stop. Only after 1 is it of any use to start the agent again unchanged. */
export const EXIT_CODES: Readonly<Record<FinalErrorCode, number>> = {
  internal: 1,
  config_invalid: 2,
  unauthorized: 3,
  version_unsupported: 4,
  engine_missing: 5,
  engine_failed: 6,
  already_running: 7,
  not_running: 8,
  check_failed: 9,
  service_failed: 10,
  crash_loop: 11,
  unreachable: 12,
  data_unusable: 13,
  cancelled: 130,
};

/** Exit codes after which the same error would come again: a supervisor does not restart the agent after these. */
export const FATAL_EXIT_CODES: readonly number[] = Object.values(EXIT_CODES).filter(
  (code) => code !== EXIT_CODES.internal,
);

/** What stops a command of the agent for good. The README documents each with its exit code. */
export type AgentErrorCode =
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

/** The one error class of the agent. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AgentError";
    this.code = code;
  }
}

/** Process exit codes; 0 is a clean stop. Only after 1 is it any use to start the agent again unchanged. */
export const EXIT_CODES: Readonly<Record<AgentErrorCode, number>> = {
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

/** Exit codes after which the same thing would come again: whoever restarts agents leaves these alone. */
export const FATAL_EXIT_CODES: readonly number[] = Object.values(EXIT_CODES).filter(
  (code) => code !== EXIT_CODES.internal,
);

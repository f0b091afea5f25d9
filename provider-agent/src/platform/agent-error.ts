/** What stops an agent for good. The README documents each with its exit code. */
export type AgentErrorCode =
  | "internal"
  /** Flags, environment or the data directory. */
  | "config_invalid"
  /** The coordinator refuses the provider token. */
  | "unauthorized"
  /** Agent and coordinator have no protocol version in common. */
  | "version_unsupported"
  /** The embedded engine's package is not installed. */
  | "engine_missing"
  /** The embedded engine or its model does not run here. */
  | "engine_failed";

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
};

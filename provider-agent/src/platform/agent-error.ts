/** What stops an agent for good. The exit code of each is documented in the README. */
export type AgentErrorCode =
  | "config_invalid"
  | "engine_missing" // the embedded engine's package is not installed
  | "engine_failed"
  | "unauthorized" // the coordinator refuses the provider token
  | "version_unsupported" // agent and coordinator have no protocol version in common
  | "internal";

/** The one error class of the agent. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AgentError";
    this.code = code;
  }
}

/** Process exit codes: 0 is a clean stop. A supervisor restarts only after 1. */
export const EXIT_CODES: Readonly<Record<AgentErrorCode, number>> = {
  internal: 1,
  config_invalid: 2,
  unauthorized: 3,
  version_unsupported: 4,
  engine_missing: 5,
  engine_failed: 6,
};

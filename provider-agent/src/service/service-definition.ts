/** What an init system is told about the agent. */
export interface ServiceDefinition {
  /** Program and arguments, absolute where they are paths. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where the log goes, on init systems that keep none themselves. */
  readonly logPath: string;
}

/** Its name for launchd. */
export const LAUNCHD_LABEL = "dev.hearth.agent";
/** Its name for systemd. */
export const SYSTEMD_UNIT = "hearth-agent.service";
/** After the request to stop: the agent gives its jobs 30 s, and its worker 40 s, s. */
export const STOP_TIMEOUT_S = 45;

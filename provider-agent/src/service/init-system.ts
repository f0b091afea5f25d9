import { AgentError } from "../platform/agent-error.js";
import type { CommandResult } from "./run-command.js";

/** What the init system knows of the agent. */
export type ServiceState =
  | { readonly type: "not_installed" }
  | {
      readonly type: "stopped";
      /** How it ended last, in the init system's words. */
      readonly detail: string;
    }
  | { readonly type: "running"; readonly pid: number | undefined };

/** The part of this machine that starts programs at log-in. All but `state` throw AgentError `service_failed`. */
export interface InitSystem {
  readonly kind: "launchd" | "systemd";
  /** Where the definition is. */
  readonly definitionPath: string;
  /** Writes the definition, or a new one, and has the agent started now and at each log-in. */
  install(definition: ServiceDefinition): Promise<void>;
  /** Stops the agent and forgets it. */
  uninstall(): Promise<void>;
  start(): Promise<void>;
  /** Lets what runs end. */
  stop(): Promise<void>;
  /** Never rejects. */
  state(): Promise<ServiceState>;
}

/** @throws AgentError `service_failed` with what the program said, unless it succeeded */
export function requireSuccess(what: string, { code, stdout, stderr }: CommandResult): void {
  if (code === 0) return;
  const said = (stderr || stdout).trim().split("\n")[0] ?? "";
  throw new AgentError("service_failed", `${what} failed${said === "" ? "" : `: ${said}`}.`);
}

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

import { join } from "node:path";
import { AgentError } from "../platform/agent-error.js";
import type { InitSystem } from "./init-system.js";
import { Launchd } from "./launchd.js";
import type { RunCommand } from "./run-command.js";
import { Systemd } from "./systemd.js";

export interface InitSystemOptions {
  readonly run: RunCommand;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** `XDG_CONFIG_HOME` */
  readonly configHome: string | undefined;
  readonly uid: number;
}

/** This machine's init system; `undefined` where services cannot be installed. */
export function openInitSystem({ run, platform, home, configHome, uid }: InitSystemOptions): InitSystem | undefined {
  switch (platform) {
    case "darwin":
      return new Launchd(run, home, uid);
    case "linux":
      return new Systemd(run, configHome || join(home, ".config"));
    default:
      return undefined;
  }
}

/** What to say where there is none. */
export function noInitSystem(platform: NodeJS.Platform): AgentError {
  const instead =
    platform === "win32"
      ? "On Windows, run 'hearth-agent start', or have the Task Scheduler run 'hearth-agent serve --supervise' at log-on."
      : "Run 'hearth-agent start' instead.";
  return new AgentError("service_failed", `The agent cannot be installed as a service on ${platform}. ${instead}`);
}

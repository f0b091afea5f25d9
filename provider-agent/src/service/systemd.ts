import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AgentError, FATAL_EXIT_CODES } from "../platform/agent-error.js";
import { RESTART_LIMITS } from "../supervisor/restart-policy.js";
import {
  type InitSystem,
  requireSuccess,
  type ServiceDefinition,
  type ServiceState,
  STOP_TIMEOUT_S,
  SYSTEMD_UNIT,
} from "./init-system.js";
import type { RunCommand } from "./run-command.js";
import { writeDefinition } from "./write-definition.js";

/** systemd's manager of this user. */
export class Systemd implements InitSystem {
  readonly kind = "systemd";
  readonly definitionPath: string;
  readonly #run: RunCommand;

  /** @param configHome `XDG_CONFIG_HOME`, or what stands for it */
  constructor(run: RunCommand, configHome: string) {
    this.#run = run;
    this.definitionPath = join(configHome, "systemd", "user", SYSTEMD_UNIT);
  }

  async install(definition: ServiceDefinition): Promise<void> {
    await this.#requireManager();
    writeDefinition(this.definitionPath, systemdUnit(definition));
    await this.#systemctl("daemon-reload");
    await this.#systemctl("enable", SYSTEMD_UNIT);
    await this.#systemctl("restart", SYSTEMD_UNIT);
  }

  async uninstall(): Promise<void> {
    if (!existsSync(this.definitionPath)) return;
    await this.#systemctl("disable", "--now", SYSTEMD_UNIT);
    rmSync(this.definitionPath, { force: true });
    await this.#systemctl("daemon-reload");
  }

  async start(): Promise<void> {
    // A start after too many crashes is the owner's wish, not another crash.
    await this.#run("systemctl", ["--user", "reset-failed", SYSTEMD_UNIT]);
    await this.#systemctl("start", SYSTEMD_UNIT);
  }

  async stop(): Promise<void> {
    await this.#systemctl("stop", SYSTEMD_UNIT);
  }

  async state(): Promise<ServiceState> {
    if (!existsSync(this.definitionPath)) return { type: "not_installed" };
    const properties = "--property=ActiveState,SubState,MainPID,Result,ExecMainStatus";
    const { code, stdout } = await this.#run("systemctl", ["--user", "show", SYSTEMD_UNIT, properties]);
    if (code !== 0) return { type: "stopped", detail: "systemd does not answer" };
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
    const active = value("ActiveState");
    if (active === "active" || active === "activating" || active === "reloading") {
      const pid = Number(value("MainPID"));
      return { type: "running", pid: pid > 0 ? pid : undefined };
    }
    const detail = `${active || "unknown"}, ${value("Result") || "?"}, exit code ${value("ExecMainStatus") || "?"}`;
    return { type: "stopped", detail };
  }

  async #requireManager(): Promise<void> {
    const { code, stderr } = await this.#run("systemctl", ["--user", "show-environment"]);
    if (code === 0) return;
    const said = stderr.trim().split("\n")[0] ?? "";
    throw new AgentError(
      "service_failed",
      `systemd does not manage this user's services here${said === "" ? "" : ` (${said})`}. Run 'hearth-agent start' instead: it runs in the background, and is to be started again after each boot.`,
    );
  }

  async #systemctl(...args: readonly string[]): Promise<void> {
    requireSuccess(`systemctl --user ${args.join(" ")}`, await this.#run("systemctl", ["--user", ...args]));
  }
}

/**
 * The user unit: systemd.service(5), systemd.unit(5). systemd itself restarts a crashed agent; RestartSteps came with
 * version 254, and earlier ones ignore it and wait for the same time each time.
 */
export function systemdUnit({ command, environment }: ServiceDefinition): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`);
  return `[Unit]
Description=Hearth provider agent
StartLimitIntervalSec=${RESTART_LIMITS.windowMs / 1000}
StartLimitBurst=${RESTART_LIMITS.maxRestarts + 1}

[Service]
Type=exec
ExecStart=${command.map((word) => quote(word.replaceAll("$", "$$$$"))).join(" ")}
${variables.join("")}Restart=on-failure
RestartSec=${RESTART_LIMITS.firstDelayMs / 1000}
RestartSteps=5
RestartMaxDelaySec=${RESTART_LIMITS.maxDelayMs / 1000}
RestartPreventExitStatus=${FATAL_EXIT_CODES.join(" ")}
KillMode=mixed
TimeoutStopSec=${STOP_TIMEOUT_S}
Nice=10
OOMScoreAdjust=500
UMask=0077
NoNewPrivileges=true

[Install]
WantedBy=default.target
`;
}

/** Quoting of systemd.syntax(7); `%` begins a specifier. */
function quote(word: string): string {
  const escaped = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("%", "%%");
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

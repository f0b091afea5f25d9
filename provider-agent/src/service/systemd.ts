import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../platform/agent-error.js";
import { type InitSystem, requireSuccess, type ServiceState } from "./init-system.js";
import type { RunCommand } from "./run-command.js";
import { type ServiceDefinition, SYSTEMD_UNIT } from "./service-definition.js";
import { systemdUnit } from "./systemd-unit.js";
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

import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { requireDirectory } from "../platform/data-directory.js";
import { type InitSystem, requireSuccess, type ServiceState } from "./init-system.js";
import { launchdPlist } from "./launchd-plist.js";
import type { RunCommand } from "./run-command.js";
import { LAUNCHD_LABEL, type ServiceDefinition } from "./service-definition.js";
import { writeDefinition } from "./write-definition.js";

/** macOS's launchd, for this user's log-in session: launchctl(1). */
export class Launchd implements InitSystem {
  readonly kind = "launchd";
  readonly definitionPath: string;
  readonly #run: RunCommand;
  readonly #domain: string;

  constructor(run: RunCommand, home: string, uid: number) {
    this.#run = run;
    this.#domain = `gui/${uid}`;
    this.definitionPath = join(home, "Library", "LaunchAgents", `${LAUNCHD_LABEL}.plist`);
  }

  async install(definition: ServiceDefinition): Promise<void> {
    requireDirectory(dirname(definition.logPath), "The directory of the log");
    writeDefinition(this.definitionPath, launchdPlist(definition));
    // One that is loaded already keeps its old definition; that none is loaded is no failure.
    await this.#run("launchctl", ["bootout", this.#target]);
    // `launchctl disable` outlives the definition.
    await this.#run("launchctl", ["enable", this.#target]);
    await this.#launchctl("bootstrap", this.#domain, this.definitionPath);
  }

  async uninstall(): Promise<void> {
    if (!existsSync(this.definitionPath)) return;
    if (await this.#isLoaded()) await this.#launchctl("bootout", this.#target);
    rmSync(this.definitionPath, { force: true });
  }

  async start(): Promise<void> {
    if (!(await this.#isLoaded())) await this.#launchctl("bootstrap", this.#domain, this.definitionPath);
    await this.#launchctl("kickstart", this.#target);
  }

  async stop(): Promise<void> {
    if (await this.#isLoaded()) await this.#launchctl("bootout", this.#target);
  }

  async state(): Promise<ServiceState> {
    if (!existsSync(this.definitionPath)) return { type: "not_installed" };
    const { code, stdout } = await this.#run("launchctl", ["print", this.#target]);
    if (code !== 0) return { type: "stopped", detail: "not loaded" };
    const pid = /^\s*pid = (\d+)/m.exec(stdout)?.[1];
    if (pid !== undefined) return { type: "running", pid: Number(pid) };
    const exit = /^\s*last exit code = (.+)$/m.exec(stdout)?.[1];
    return { type: "stopped", detail: `last exit code ${exit?.trim() ?? "not known"}` };
  }

  get #target(): string {
    return `${this.#domain}/${LAUNCHD_LABEL}`;
  }

  async #isLoaded(): Promise<boolean> {
    return (await this.#run("launchctl", ["print", this.#target])).code === 0;
  }

  async #launchctl(...args: readonly string[]): Promise<void> {
    requireSuccess(`launchctl ${args.join(" ")}`, await this.#run("launchctl", args));
  }
}

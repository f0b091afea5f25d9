import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { requireDirectory } from "../platform/data-directory.js";
import {
  type InitSystem,
  LAUNCHD_LABEL,
  requireSuccess,
  type ServiceDefinition,
  type ServiceState,
  STOP_TIMEOUT_S,
} from "./init-system.js";
import type { RunCommand } from "./run-command.js";
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

/** 0077. */
const UMASK = 63;

/**
 * The user agent: launchd.plist(5). launchd knows no exit codes that forbid a restart, so the agent supervises itself,
 * and launchd only starts it at log-in and after a crash of the supervisor.
 */
export function launchdPlist({ command, environment, logPath }: ServiceDefinition): string {
  const words = command.map((word) => `    <string>${escapeXml(word)}</string>\n`);
  const variables = Object.entries(environment).map(
    ([name, value]) => `    <key>${escapeXml(name)}</key>\n    <string>${escapeXml(value)}</string>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LAUNCHD_LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${words.join("")}  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join("")}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>Crashed</key>
    <true/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>${STOP_TIMEOUT_S}</integer>
  <key>Nice</key>
  <integer>5</integer>
  <key>LowPriorityIO</key>
  <true/>
  <key>Umask</key>
  <integer>${UMASK}</integer>
  <key>StandardOutPath</key>
  <string>${escapeXml(logPath)}</string>
  <key>StandardErrorPath</key>
  <string>${escapeXml(logPath)}</string>
</dict>
</plist>
`;
}

/** XML 1.0 has no way to say most control characters: they are left out. */
function escapeXml(text: string): string {
  const said = [...text].filter((char) => char >= " " || char === "\n" || char === "\t").join("");
  return said.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

import { FATAL_EXIT_CODES } from "../platform/agent-error.js";
import { RESTART_LIMITS } from "../supervisor/restart-policy.js";
import { type ServiceDefinition, STOP_TIMEOUT_S } from "./service-definition.js";

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

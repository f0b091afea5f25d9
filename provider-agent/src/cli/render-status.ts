import type {
  Activity,
  AgentStatus,
  BackendStanding,
  ConnectionStatus,
  LogStatus,
  ModelStatus,
  Standing,
} from "../local/agent-status.js";
import { formatDuration } from "./duration.js";
import { type Colors, columns } from "./output.js";
import { busyRows, electricityRows } from "./render-energy.js";
import { earnedText } from "./render-money.js";
import { reputationRows } from "./render-reputation.js";
import { adviceRows, updateRows, workRows } from "./render-work.js";

/** An agent's status as its owner reads it. @param nowMs wall clock */
export function renderStatus(status: AgentStatus, nowMs: number, colors: Colors): string {
  const { totals, machine } = status;
  const upMs = nowMs - Date.parse(status.started_at);
  const rows = [
    [
      "Agent",
      `${colors.bold(status.name)}, version ${status.version}, process ${status.pid}, for ${formatDuration(upMs)}`,
    ],
    ["Activity", activity(status, nowMs, colors)],
    ...unkept(status, colors),
    ...backend(status.backend, colors),
    ["Connection", connection(status.connection, colors)],
    ["Trust", trust(status, colors)],
    [
      "Machine",
      [machine.chip, `${Math.round(machine.memory_bytes / 2 ** 30)} GiB`, thermal(machine)].filter(Boolean).join(", "),
    ],
    ["Requests", `${totals.served} served, ${totals.failed} failed, ${totals.cancelled} cancelled`],
    [
      "Tokens",
      `${totals.prompt_tokens} read, ${totals.completion_tokens} written, ${status.tokens_per_second.toFixed(1)} a second now`,
    ],
    ...adviceRows(status.advice),
    ...workRows(status.work),
    ...reputationRows(status.reputation),
    ["Earned", earnedText(status)],
    ...busyRows(status.busy, colors),
    ...electricityRows(status.electricity, colors),
    ...updateRows(status.update, colors),
    ...log(status.log, colors),
  ];
  return `${columns(rows.map(([name = "", value = ""]) => [colors.dim(name), value]))}\n\n${models(status.models, colors)}`;
}

function thermal({ thermal: state }: AgentStatus["machine"]): string | undefined {
  return state === null || state === "nominal" ? undefined : `thermal state ${state}`;
}

/** Why an agent is paused, as its owner reads it. */
export const PAUSE_REASONS: Readonly<Record<Extract<Activity, { type: "paused" }>["reason"], string>> = {
  owner: "by you",
  outside_hours: "outside its hours",
  owner_active: "while you use the machine",
  on_battery: "on battery",
  memory_cap: "for want of memory",
};

/** Words for what its owner may have to mend. */
const STANDINGS: Readonly<Record<Exclude<Standing, "serving" | "paused">, string>> = {
  no_backend: "no backend answers",
  no_model: "no model to serve",
  not_connected: "not connected",
  fenced: "fenced: no requests come for it",
  stopped: "no requests come now",
};

function activity({ activity: now, standing }: AgentStatus, nowMs: number, { green, yellow, red }: Colors): string {
  const running = now.running === 0 ? "" : `, ${now.running} running`;
  switch (now.type) {
    case "serving":
      if (standing === undefined || standing === "serving" || standing === "paused")
        return `${green("serving")}${running}`;
      return `${red(STANDINGS[standing])}${running}`;
    case "paused": {
      const left = now.until === undefined ? "" : `, for another ${formatDuration(Date.parse(now.until) - nowMs)}`;
      return `${yellow("paused")} ${PAUSE_REASONS[now.reason]}${left}${running}`;
    }
  }
}

/** A row only where something is wrong or missing. */
function unkept({ unkept: problem }: AgentStatus, { yellow }: Colors): readonly (readonly string[])[] {
  if (problem === undefined) return [];
  return [
    ["Not kept", yellow(`forgotten when the agent ends, for in its data directory nothing can be kept: ${problem}`)],
  ];
}

/** A row only where something is wrong or missing. */
function backend(now: BackendStanding | undefined, { red, yellow }: Colors): readonly (readonly string[])[] {
  switch (now?.type) {
    case "unreachable":
      return [["Backend", `${red("does not answer")} (${now.problem})`]];
    case "reachable":
      return [
        ...now.down.map(({ name, problem }) => ["Backend", `${red(`${name} does not answer`)} (${problem})`]),
        ...(now.missing.length === 0 ? [] : [["Backend", yellow(`does not have ${now.missing.join(", ")}`)]]),
      ];
    case undefined:
      return [];
  }
}

function connection(now: ConnectionStatus, { green, yellow }: Colors): string {
  switch (now.type) {
    case "registered":
      return `${green("registered")} with ${now.coordinator} as ${now.provider_id}`;
    case "connecting":
      return `${yellow("connecting")} to ${now.coordinator}`;
    case "waiting":
      return `${yellow("waiting")} to try ${now.coordinator} again${now.problem === null ? "" : `: ${now.problem}`}`;
  }
}

function trust({ trust: { level, mismatches } }: AgentStatus, { red }: Colors): string {
  const wrong = mismatches.length === 0 ? "" : `; ${red("not as the operator lists it")}`;
  return `${level ?? "not known"}${wrong}`;
}

/** A row only where something is wrong or missing. */
function log(now: LogStatus | undefined, { red, yellow }: Colors): readonly (readonly string[])[] {
  if (now === undefined) return [];
  const lost = now.lost_lines === 0 ? "" : `${now.lost_lines} lines lost`;
  switch (now.type) {
    case "written":
      return lost === "" ? [] : [["Log", yellow(lost)]];
    case "failing":
      return [["Log", `${red("cannot be written")} (${now.problem})${lost === "" ? "" : `, ${lost}`}`]];
  }
}

function models(all: readonly ModelStatus[], colors: Colors): string {
  if (all.length === 0) return "No model is served.";
  const heading = ["Model", "State", "Running", "Waiting", "Tokens/s"].map(colors.dim);
  const rows = all.map(({ id, state, running, waiting, decode_tps, template_ok }) => [
    id,
    template_ok === false ? colors.red("template broken") : state,
    String(running),
    String(waiting),
    decode_tps === null ? "-" : decode_tps.toFixed(1),
  ]);
  return columns([heading, ...rows]);
}

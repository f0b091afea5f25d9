import type { Eligibility, Rejections, Reputation, RuntimeMismatch, Slot, UpdateNotice } from "@hearth/protocol";

/** Where an agent stands, as its owner sees it. Times are ISO 8601, durations ms. */
export interface AgentStatus {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly started_at: string;
  readonly activity: Activity;
  /** Why the owner's last pause or resume is forgotten when the agent ends, and what to do; absent = it is kept. */
  readonly unkept?: string;
  /** In one word, why it gets requests or none; absent = an older agent does not say. */
  readonly standing?: Standing;
  /** Absent = an older agent does not say. */
  readonly backend?: BackendStanding;
  readonly connection: ConnectionStatus;
  readonly trust: TrustStatus;
  /** What came of it at the coordinator lately; absent = it has not been told. */
  readonly work?: WorkStatus;
  /** What would become of a plain request for each model; absent = the coordinator has not said on this connection. */
  readonly eligibility?: readonly Eligibility[];
  /** The same, and what the operator does not list, in plain words; absent = there is nothing to say. */
  readonly advice?: readonly string[];
  /** How the machine stands by its record at the coordinator; absent = it has not been told on this connection. */
  readonly reputation?: Reputation;
  /** A newer program than this one; absent = the operator speaks of none. */
  readonly update?: UpdateNotice;
  readonly models: readonly ModelStatus[];
  /** Since the agent started. */
  readonly totals: Totals;
  /** Tokens per second that it writes now, over all running requests. */
  readonly tokens_per_second: number;
  /** What was earned in all, in millionths of a dollar; `null` = the coordinator has not said. */
  readonly earned_micro_usd: number | null;
  /** The same by time; absent = the coordinator has not said. */
  readonly earnings?: EarningsStatus;
  /** How long requests ran; absent = an older agent does not say. */
  readonly busy?: BusyStatus;
  /** What that cost in electricity, estimated; absent = its owner has set no price. */
  readonly electricity?: ElectricityStatus;
  readonly machine: { readonly chip: string | null; readonly memory_bytes: number; readonly thermal: string | null };
  /** Absent = not known. */
  readonly log?: LogStatus;
}

/** Whether the log can be written, and lines lost since the start. */
export type LogStatus =
  | { readonly type: "written"; readonly lost_lines: number }
  /** `problem`: the system's code, like `ENOSPC` or `EPIPE`, or `stalled` where nobody reads it. */
  | { readonly type: "failing"; readonly problem: string; readonly lost_lines: number };

/** What the agent does, and why not where it does nothing. */
export type Activity =
  | { readonly type: "serving"; readonly running: number }
  | {
      readonly type: "paused";
      readonly reason: "owner" | "outside_hours" | "owner_active" | "on_battery" | "memory_cap";
      /** Absent = until somebody resumes it, or the reason passes. */
      readonly until?: string;
      /** Requests that are being finished. */
      readonly running: number;
    };

/** What keeps requests away, the nearest to its owner first. */
export type Standing = "serving" | "paused" | "no_backend" | "no_model" | "not_connected" | "fenced" | "stopped";

/** Whether the model servers answer, and what they lack of what their owner named. */
export type BackendStanding =
  | {
      readonly type: "reachable";
      readonly missing: readonly string[];
      /** Of several, those that do not answer. */
      readonly down: readonly { readonly name: string; readonly problem: string }[];
    }
  /** `problem`: a short phrase, like `ECONNREFUSED`. */
  | { readonly type: "unreachable"; readonly problem: string };

/** The first thing that keeps requests away, or `serving`. */
export function standingOf(status: Omit<AgentStatus, "standing">): Standing {
  const { activity, backend, connection, trust, models } = status;
  if (activity.type === "paused") return "paused";
  if (backend?.type === "unreachable") return "no_backend";
  if (models.length === 0) return "no_model";
  if (connection.type !== "registered") return "not_connected";
  const isFenced = trust.mismatches.length > 0 || models.every(({ template_ok }) => template_ok === false);
  if (isFenced) return "fenced";
  return activity.running === 0 && isStopped(status) ? "stopped" : "serving";
}

/** Whether no model can serve anybody now. One that is lent to its owner only serves him. */
function isStopped({ eligibility = [] }: Pick<AgentStatus, "eligibility">): boolean {
  return eligibility.length > 0 && eligibility.every(({ gates }) => gates.some((gate) => gate !== "private_only"));
}

export type ConnectionStatus =
  | { readonly type: "registered"; readonly coordinator: string; readonly provider_id: string; readonly since: string }
  | { readonly type: "connecting"; readonly coordinator: string }
  | { readonly type: "waiting"; readonly coordinator: string; readonly problem: string | null };

export interface TrustStatus {
  /** As the coordinator said at registration; `null` = not registered. */
  readonly level: "none" | "self_attested" | "hardware" | null;
  /** What keeps requests away by the operator's list. */
  readonly mismatches: readonly RuntimeMismatch[];
}

/** Sums of what the coordinator told. */
export interface WorkStatus {
  /** Over how long, at most, ms. */
  readonly window_ms: number;
  /** Requests that it was chosen for, tries of the same one each. */
  readonly picked: number;
  /** Times that nothing was against it and another machine was the better choice. */
  readonly lost: number;
  /** Times that it could not be chosen, by the first reason. */
  readonly rejected: Rejections;
}

/** What the coordinator told of the machine's earnings, in millionths of a dollar. Days are those of UTC. */
export interface EarningsStatus {
  /** `null` = it was told on an earlier day, and nothing of this one yet. */
  readonly today_micro_usd: number | null;
  /** Since Monday; `null` = it was told in an earlier week, and nothing of this one yet. */
  readonly week_micro_usd: number | null;
  readonly total_micro_usd: number;
  /** When that was so, by the coordinator's clock. */
  readonly as_of: string;
}

/** How long requests ran here, however many at once, ms. Days are those of UTC, weeks begin on Monday. */
export interface BusyStatus {
  readonly today_ms: number;
  readonly week_ms: number;
  readonly total_ms: number;
  /** When the count began. */
  readonly since: string;
  /** Why what was counted lately is forgotten when the agent ends, and what to do; absent = it is kept. */
  readonly unkept?: string;
}

/**
 * Extra watts × busy time × price, all as they are now, in millionths of a dollar. It is no bill: what the machine draws
 * while it waits is not in it.
 */
export type ElectricityStatus = { readonly usd_per_kwh: number } & (
  | ({
      readonly type: "estimated";
      /** What the machine draws more while requests run. */
      readonly extra_watts: number;
      /** What the watts are of: the machine, as its owner has set them, or the parts that were measured. */
      readonly watts_of: "settings" | "gpu" | "cpu" | "gpu+cpu";
    } & Record<"today" | "week" | "total", { readonly kwh: number; readonly micro_usd: number }>)
  /** The watts are not known: nothing here measures them, or has not for long enough. */
  | { readonly type: "unknown"; readonly reason: "no_meter" | "too_few_readings" }
);

export interface ModelStatus {
  readonly id: string;
  readonly state: Slot["state"];
  readonly running: number;
  readonly waiting: number;
  readonly decode_tps: number | null;
  /** The chat templates render; `null` = not known. */
  readonly template_ok: boolean | null;
}

export interface Totals {
  readonly served: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

/** What the owner's page and commands may do with a running agent. */
export interface AgentControl {
  status(): AgentStatus;
  /** Takes nothing new. @param forMs absent = until resumed */
  pause(forMs?: number): void;
  resume(): void;
}

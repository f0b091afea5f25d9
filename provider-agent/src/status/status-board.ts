import type { LogFile } from "@hearth/disk";
import { type Clock, repeat } from "@hearth/platform";
import {
  closeReason,
  type Earnings,
  type Eligibility,
  type HeartbeatAckFrame,
  type MachinePause,
  machineAdvice,
  mismatchWords,
  pauseWords,
  type RuntimeMismatch,
  type TrustLevel,
} from "@hearth/protocol";
import type { Advertiser } from "../advertise/advertiser.js";
import type { AvailabilityMonitor } from "../availability/availability-monitor.js";
import type { Registered, Standing } from "../connection/reconciler.js";
import type { BusyTime } from "../energy/busy-time.js";
import type { Jobs } from "../jobs/jobs.js";
import {
  type Activity,
  type AgentControl,
  type AgentStatus,
  type BackendStanding,
  type BusyStatus,
  type ConnectionStatus,
  type ElectricityStatus,
  type ModelStatus,
  standingOf,
} from "../local/agent-status.js";
import type { MachineFacts } from "../machine/hardware.js";
import type { VitalsMonitor } from "../machine/vitals.js";
import { earningsOf } from "./earnings-of.js";
import { IdleHour } from "./idle-hour.js";
import { RecentWork } from "./recent-work.js";

export interface StatusBoardDeps {
  readonly name: string;
  readonly version: string;
  readonly clock: Clock;
  readonly wallTime: () => number;
  readonly facts: Pick<MachineFacts, "chip" | "memoryBytes">;
  readonly vitals: Pick<VitalsMonitor, "current">;
  readonly availability: Pick<AvailabilityMonitor, "current" | "unkept" | "pause" | "resume">;
  readonly jobs: Jobs;
  readonly busyTime: Pick<BusyTime, "sums" | "unkept">;
  /** Estimated; `undefined` = the owner has set no price. */
  readonly electricity: () => ElectricityStatus | undefined;
  readonly advertiser: Advertiser;
  readonly logFile: LogFile | undefined;
  readonly standing: () => Standing;
}

/** The present rate is taken over the last 15 to 20 s. */
const RATE_SAMPLE_MS = 5_000;
const RATE_SAMPLES = 4;

/** Gathers what the owner sees of the running agent, and takes the owner's commands. */
export class StatusBoard implements AgentControl, Disposable {
  readonly #deps: StatusBoardDeps;
  readonly #startedAt: string;
  readonly #work: RecentWork;
  readonly #idle: IdleHour;
  #update: HeartbeatAckFrame["update"];
  #earnings: Earnings | undefined;
  #reputation: HeartbeatAckFrame["reputation"];
  #eligibility: readonly Eligibility[] | undefined;
  /** At the coordinator, by its owner. */
  #paused: MachinePause | undefined;
  #registered: { readonly coordinator: string; readonly providerId: string; readonly since: string } | undefined;
  #trust: TrustLevel | null = null;
  #mismatches: readonly RuntimeMismatch[] = [];
  #problem: string | null = null;
  /** How many tokens had been written at a time, the oldest first. */
  readonly #samples: { readonly at: number; readonly tokens: number }[] = [];
  readonly #sampling: Disposable;

  constructor(deps: StatusBoardDeps) {
    this.#deps = deps;
    this.#startedAt = isoOf(deps.wallTime());
    this.#work = new RecentWork(deps.clock);
    this.#idle = new IdleHour(deps.clock);
    this.#sample();
    this.#sampling = repeat(deps.clock, RATE_SAMPLE_MS, () => this.#sample());
  }

  [Symbol.dispose](): void {
    this.#sampling[Symbol.dispose]();
  }

  registered({ coordinator, frame }: Registered): void {
    const since = isoOf(this.#deps.wallTime());
    // Another one keeps other books.
    if (coordinator !== this.#registered?.coordinator) this.#earnings = undefined;
    // It is told anew, where it is told at all.
    this.#reputation = undefined;
    this.#eligibility = undefined;
    this.#paused = undefined;
    this.#registered = { coordinator, providerId: frame.provider_id, since };
    this.#trust = frame.trust_level ?? null;
    this.#mismatches = [];
    this.#problem = null;
  }

  /** Which parts of this machine the operator's list does not accept; none = all are accepted. */
  runtimeChecked(mismatches: readonly RuntimeMismatch[]): void {
    this.#mismatches = mismatches;
  }

  /**
   * How often the coordinator chose this machine since its last heartbeat, and why not; and what it says besides.
   *
   * @returns why nothing came for an hour, where that is so and its owner does not know yet
   */
  heartbeatAnswered(frame: HeartbeatAckFrame): readonly string[] | undefined {
    this.#work.add(frame);
    this.#update = frame.update;
    this.#earnings = frame.earnings ?? this.#earnings;
    this.#reputation = frame.reputation ?? this.#reputation;
    this.#eligibility = frame.eligibility ?? this.#eligibility;
    this.#paused = frame.paused;
    if (this.#deps.availability.current.type === "serving") return this.#idle.add(frame);
    this.#idle.restart();
    return undefined;
  }

  lost(code: number, problem: string | undefined): void {
    this.#problem = closeReason(code) ?? problem ?? `closed with ${code}`;
  }

  pause(forMs?: number): void {
    const { availability, wallTime } = this.#deps;
    availability.pause(forMs === undefined ? undefined : wallTime() + forMs);
  }

  resume(): void {
    this.#deps.availability.resume();
  }

  status(): AgentStatus {
    const status = this.#status();
    return { ...status, standing: standingOf(status) };
  }

  #status(): Omit<AgentStatus, "standing"> {
    const { name, version, facts, vitals, availability, jobs } = this.#deps;
    const { served, failed, cancelled, promptTokens, completionTokens } = jobs.statistics.snapshot();
    const connection = this.#connection();
    const electricity = this.#deps.electricity();
    return {
      name,
      version,
      pid: process.pid,
      started_at: this.#startedAt,
      activity: this.#activity(),
      ...(availability.unkept === undefined ? {} : { unkept: availability.unkept }),
      backend: this.#backend(),
      connection,
      trust: { level: connection.type === "registered" ? this.#trust : null, mismatches: this.#mismatches },
      ...this.#coordinatorsView(),
      ...(connection.type === "registered" ? this.#outlook() : {}),
      models: this.#models(),
      totals: { served, failed, cancelled, prompt_tokens: promptTokens, completion_tokens: completionTokens },
      tokens_per_second: this.#rateNow(completionTokens),
      earned_micro_usd: this.#earnings?.total_micro_usd ?? null,
      ...(this.#earnings && { earnings: earningsOf(this.#earnings, this.#deps.wallTime()) }),
      busy: this.#busy(),
      ...(electricity && { electricity }),
      machine: {
        chip: facts.chip ?? null,
        memory_bytes: facts.memoryBytes,
        thermal: vitals.current.thermal ?? null,
      },
      ...this.#log(),
    };
  }

  #backend(): BackendStanding {
    const { status } = this.#deps.advertiser;
    if (status.type === "unreachable") return status;
    return { type: "reachable", missing: status.missing ?? [], down: status.down ?? [] };
  }

  #busy(): BusyStatus {
    const { busyTime } = this.#deps;
    const { todayMs, weekMs, totalMs, since } = busyTime.sums();
    return {
      today_ms: Math.round(todayMs),
      week_ms: Math.round(weekMs),
      total_ms: Math.round(totalMs),
      since: isoOf(since),
      ...(busyTime.unkept === undefined ? {} : { unkept: busyTime.unkept }),
    };
  }

  #coordinatorsView(): Pick<AgentStatus, "work" | "reputation" | "update"> {
    const work = this.#work.sums();
    return {
      ...(work === undefined ? {} : { work }),
      ...(this.#reputation && { reputation: this.#reputation }),
      ...(this.#update === undefined ? {} : { update: this.#update }),
    };
  }

  /** What the coordinator thinks of what is offered here, while it can be asked. */
  #outlook(): Pick<AgentStatus, "eligibility" | "advice"> {
    const offered = new Set(this.#deps.advertiser.models.map(({ id }) => id));
    // Models that it offered a moment ago are not spoken of, nor any that it never did.
    const eligibility = this.#eligibility?.filter(({ model }) => offered.has(model));
    const lines = eligibility === undefined || offered.size === 0 ? [] : machineAdvice(eligibility);
    const paused = this.#paused === undefined ? [] : [pauseWords(this.#paused)];
    const advice = [...paused, ...this.#mismatches.map(mismatchWords), ...lines, ...this.#idle.words];
    return { ...(eligibility && { eligibility }), ...(advice.length === 0 ? {} : { advice }) };
  }

  #log(): Pick<AgentStatus, "log"> {
    const { logFile } = this.#deps;
    if (logFile === undefined) return {};
    const { health, lostLines: lost_lines } = logFile;
    return { log: health.type === "written" ? { type: "written", lost_lines } : { ...health, lost_lines } };
  }

  #activity(): Activity {
    const { availability, jobs } = this.#deps;
    const running = jobs.size;
    const { current } = availability;
    if (current.type === "serving") return { type: "serving", running };
    const { reason, untilWallMs } = current;
    return { type: "paused", reason, running, ...(untilWallMs === undefined ? {} : { until: isoOf(untilWallMs) }) };
  }

  #connection(): ConnectionStatus {
    const standing = this.#deps.standing();
    switch (standing.type) {
      case "connected":
        return this.#registered === undefined
          ? { type: "connecting", coordinator: standing.coordinator }
          : {
              type: "registered",
              coordinator: this.#registered.coordinator,
              provider_id: this.#registered.providerId,
              since: this.#registered.since,
            };
      case "connecting":
        return { type: "connecting", coordinator: standing.coordinator };
      case "waiting":
        return { type: "waiting", coordinator: standing.coordinator, problem: this.#problem };
      case "stopped":
        return { type: "waiting", coordinator: "", problem: "stopping" };
    }
  }

  #models(): readonly ModelStatus[] {
    const { advertiser, jobs } = this.#deps;
    const adverts = new Map(advertiser.models.map((model) => [model.id, model]));
    return advertiser.slots().map(({ model, state, running, queued, decode_tps: measured }) => ({
      id: model,
      state,
      running,
      waiting: queued,
      decode_tps: jobs.statistics.rates(model).decodeTps ?? measured ?? null,
      template_ok: adverts.get(model)?.template_render_ok ?? null,
    }));
  }

  #sample(): void {
    const { clock, jobs } = this.#deps;
    this.#samples.push({ at: clock.now(), tokens: jobs.statistics.snapshot().completionTokens });
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
  }

  /** Tokens are counted when their request ends: those finished lately, over the time that passed. */
  #rateNow(tokens: number): number {
    const [first] = this.#samples;
    const ms = this.#deps.clock.now() - (first?.at ?? 0);
    return first === undefined || ms <= 0 ? 0 : ((tokens - first.tokens) * 1_000) / ms;
  }
}

const isoOf = (wallMs: number): string => new Date(wallMs).toISOString();

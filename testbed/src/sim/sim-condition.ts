import type { HeartbeatFrame, RegisterFrame, Slot } from "@hearth/protocol";
import type { ProviderPlan } from "./scenario.js";

const MEMORY_BYTES = 64 * 2 ** 30;

/** How many of a model's requests run on the machine. */
type RunningOf = (model: string) => number;

/** How a machine is, and what it tells of that. */
export class SimCondition {
  version: string;
  slotState: Slot["state"] | undefined;
  hot = false;
  /** Slots that its owner's own work takes. */
  ownWork = 0;
  /** Its first model is not there. */
  unloaded = false;
  /** Models that have served. */
  readonly warm: Set<string> = new Set();
  readonly #plan: ProviderPlan;

  constructor(plan: ProviderPlan) {
    this.#plan = plan;
    this.version = plan.version;
  }

  get ailing(): boolean {
    return this.slotState !== undefined || this.hot || this.ownWork > 0;
  }

  heal(): void {
    this.slotState = undefined;
    this.hot = false;
    this.ownWork = 0;
    this.unloaded = false;
  }

  register(identity: string, runningOf: RunningOf): RegisterFrame {
    return {
      type: "register",
      versions: { min: 2, max: 2 },
      token: this.#plan.account,
      agent: { name: `p${this.#plan.index}`, version: this.version },
      identity,
      encryption_key: { key_id: "k", public_key: identity },
      hardware: { platform: "sim", arch: "sim", cpu_cores: 8, memory_bytes: MEMORY_BYTES },
      models: this.adverts(),
      slots: this.#slots(runningOf),
    };
  }

  heartbeat(runningOf: RunningOf): HeartbeatFrame {
    return {
      type: "heartbeat",
      slots: this.#slots(runningOf),
      thermal: this.hot ? "critical" : "nominal",
      memory_free_bytes: MEMORY_BYTES / 2,
    };
  }

  adverts(): RegisterFrame["models"] {
    const { models } = this.#plan;
    return (this.unloaded ? models.slice(1) : models).map(({ id, vision, context }) => ({
      id,
      context_length: context.told,
      capabilities: { tools: true, vision },
    }));
  }

  #slots(runningOf: RunningOf): Slot[] {
    return this.#plan.models.map(({ id, concurrency, prefillTps, cold }) => {
      const all = runningOf(id) + this.ownWork;
      const resting = cold && !this.warm.has(id) ? "idle_shutdown" : "idle";
      return {
        model: id,
        state: this.slotState ?? (all > 0 ? "running" : resting),
        running: Math.min(all, concurrency),
        queued: Math.max(0, all - concurrency),
        max_concurrency: concurrency,
        ...(prefillTps === undefined ? {} : { prefill_tps: prefillTps, decode_tps: 30 }),
      };
    });
  }
}

import { INVARIANTS } from "./invariants.js";
import type { Scenario } from "./scenario.js";
import { SimulatedWorld } from "./simulated-world.js";
import { settled } from "./virtual-time.js";

export interface Violation {
  readonly invariant: string;
  readonly problem: string;
  readonly atMs: number;
}

export interface RunResult {
  readonly violation: Violation | undefined;
  readonly events: number;
  readonly endedAtMs: number;
  /** What happened how often. */
  readonly seen: ReadonlyMap<string, number>;
  /** What happened, if that was asked for. */
  readonly trace: readonly string[];
}

/** Every request must be over this long after the healing: the load window, a grace, a gap, a patient queue, ms. */
const MAX_RECOVERY_MS = 1_000_000;
/** The longest one-shot timer that may outlive a request: how long frames of a cancelled stream are tolerated, ms. */
const AFTERMATH_MS = 31_000;
/** How long a provider that vanished is expected back, ms. */
const FAREWELL_MS = 125_000;

/**
 * Runs a scenario to its end: things go wrong, everything heals, the requests end, the aftermath passes, the providers
 * leave. Every invariant is asked after every event, and at the end of each phase what must be true then.
 */
export async function runScenario(
  scenario: Scenario,
  { traced = false }: { readonly traced?: boolean } = {},
): Promise<RunResult> {
  const run = new Run(scenario, traced);
  const violation = await run.toTheEnd();
  const { time, journal, lines } = run.world;
  return { violation, events: run.events, endedAtMs: time.now(), seen: journal.seen, trace: lines };
}

class Run {
  readonly world: SimulatedWorld;
  events = 0;
  #violation: Violation | undefined;

  constructor(scenario: Scenario, traced: boolean) {
    this.world = new SimulatedWorld(scenario, traced);
  }

  async toTheEnd(): Promise<Violation | undefined> {
    const { world } = this;
    const { scenario, journal, time } = world;
    await this.#until(scenario.healAtMs + 1, () => false);
    await this.#until(time.now() + MAX_RECOVERY_MS, () => this.#allDone());
    this.#expect("after the healing every request ends", this.#allDone());
    world.resting = true;
    await this.#until(time.now() + AFTERMATH_MS, () => false);
    this.#checkAll();
    const sessions = [...world.coordinator.registry.connected()];
    this.#expect(
      "in the end all places are free",
      sessions.every((session) => session.openStreams === 0),
    );
    this.#expect("in the end nobody waits", journal.waiters.size === 0);
    // A departure is remembered for a while; everybody is back by now, but for those who may not come back yet.
    const away = world.coordinator.registry.size - sessions.length;
    const contexts = world.coordinator.contexts.size;
    this.#expect(
      "in the end only pings and contexts are on the clock",
      time.timers - away <= sessions.length + contexts,
    );
    for (const provider of world.providers) provider.leave();
    await this.#until(time.now() + FAREWELL_MS, () => false);
    this.#expect("without providers no timer is left", time.timers === 0);
    return this.#violation;
  }

  async #until(horizonMs: number, enough: () => boolean): Promise<void> {
    const { time } = this.world;
    while (this.#violation === undefined && !enough()) {
      const happened = time.advance(horizonMs);
      if (happened === undefined) return;
      this.events += 1;
      // What another machine does by itself shows when it reaches the coordinator.
      if (happened.place === "elsewhere") continue;
      await settled();
      this.#check();
    }
  }

  #check(): void {
    for (const { name, broken } of INVARIANTS) {
      const problem = broken(this.world);
      if (problem !== undefined) return this.#violated(name, problem);
    }
    this.world.journal.forgetThePast();
  }

  /** Once more for those who were at rest already. */
  #checkAll(): void {
    const { journal } = this.world;
    for (const request of journal.requests.values()) journal.active.add(request);
    this.#check();
  }

  #allDone(): boolean {
    const { journal, scenario } = this.world;
    return journal.undone === 0 && journal.arrived === scenario.requests.length;
  }

  #expect(name: string, holds: boolean): void {
    if (!holds) this.#violated(name, "it is not so");
  }

  #violated(invariant: string, problem: string): void {
    this.#violation ??= { invariant, problem, atMs: this.world.time.now() };
  }
}

import type { Random } from "../sim/random.js";
import { SpawnedHearth } from "../system/spawned-hearth.js";
import type { SpawnedProcess } from "../system/spawned-process.js";
import { type Fault, type MarkingBackend, startMarkingBackend } from "./marking-backend.js";
import { RoughProxy } from "./rough-proxy.js";

/** What happens to a machine or to its network. */
export const TROUBLES = ["kill", "freeze", "reset", "stall", "half_open"] as const;
export type Trouble = (typeof TROUBLES)[number];

/** How often each comes, in parts. A vanished peer is noticed only after two missed pings, and is out for so long. */
const WEIGHTS: Readonly<Record<Trouble, number>> = { kill: 3, freeze: 3, reset: 3, stall: 3, half_open: 1 };
/** How long a machine or network stands still, ms. */
const PAUSE_MS = { low: 500, high: 8_000 };

/** The model that every machine serves. */
export const MODEL = "marked";

interface Machine {
  readonly name: string;
  readonly backend: MarkingBackend;
  readonly proxy: RoughProxy;
  agent: SpawnedProcess;
  /** Nothing else happens to it while it recovers from one trouble. */
  busy: boolean;
}

export interface FleetOptions {
  readonly machines: number;
  readonly random: Random;
  readonly faultShare: number;
  readonly faults: readonly Fault[];
}

/** A coordinator and agents as their users run them, each agent with a backend of its own behind a network of its own. */
export class TroubledFleet implements AsyncDisposable {
  readonly hearth: SpawnedHearth;
  /** How often each trouble came. */
  readonly troubles: Map<Trouble, number> = new Map();
  readonly #machines: readonly Machine[];
  readonly #random: Random;
  readonly #recoveries = new Set<Promise<void>>();

  private constructor(hearth: SpawnedHearth, machines: readonly Machine[], random: Random) {
    this.hearth = hearth;
    this.#machines = machines;
    this.#random = random;
  }

  static async start({ machines, random, faultShare, faults }: FleetOptions): Promise<TroubledFleet> {
    const hearth = await SpawnedHearth.start({ HEARTH_LOG_LEVEL: "info" });
    const port = Number(new URL(hearth.url).port);
    const started: Machine[] = [];
    for (let index = 0; index < machines; index++) {
      const name = `machine-${index}`;
      const backend = await startMarkingBackend({ model: MODEL, random, faultShare, faults });
      const proxy = await RoughProxy.start(port);
      started.push({ name, backend, proxy, agent: await dial(hearth, name, backend, proxy), busy: false });
    }
    return new TroubledFleet(hearth, started, random);
  }

  /** Makes trouble at random moments until the time is up. */
  async trouble(untilAt: number): Promise<void> {
    while (performance.now() < untilAt) {
      await sleep(this.#random.between(200, 2_000));
      const machine = this.#random.pick(this.#machines);
      if (machine.busy) continue;
      const kind = this.#random.weighted(WEIGHTS);
      this.troubles.set(kind, (this.troubles.get(kind) ?? 0) + 1);
      machine.busy = true;
      const recovery = this.#play(machine, kind).finally(() => {
        machine.busy = false;
        this.#recoveries.delete(recovery);
      });
      this.#recoveries.add(recovery);
    }
  }

  /** Waits until every machine is well and connected again. */
  async calm(): Promise<void> {
    await Promise.all(this.#recoveries);
    await this.hearth.coordinator.until(
      "every machine is back",
      async () => (await this.hearth.providers()).filter(isServing).length === this.#machines.length,
      120_000,
    );
  }

  /** How often each fault was played by the backends. */
  get faults(): ReadonlyMap<Fault, number> {
    const sum = new Map<Fault, number>();
    for (const { backend } of this.#machines) {
      for (const [fault, count] of backend.played) sum.set(fault, (sum.get(fault) ?? 0) + count);
    }
    return sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#recoveries);
    await this.hearth[Symbol.asyncDispose]();
    for (const { backend, proxy } of this.#machines) {
      await proxy[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    }
  }

  async #play(machine: Machine, kind: Trouble): Promise<void> {
    const pauseMs = this.#random.skewed(PAUSE_MS.low, PAUSE_MS.high);
    switch (kind) {
      case "kill":
        await machine.agent.kill();
        machine.agent = await dial(this.hearth, machine.name, machine.backend, machine.proxy);
        return;
      case "freeze":
        machine.agent.signal("SIGSTOP");
        await sleep(pauseMs);
        machine.agent.signal("SIGCONT");
        return;
      case "stall": {
        const resume = machine.proxy.stall();
        await sleep(pauseMs);
        return resume();
      }
      case "reset":
        return machine.proxy.reset();
      case "half_open":
        return machine.proxy.halfOpen();
    }
  }
}

function dial(
  hearth: SpawnedHearth,
  name: string,
  backend: MarkingBackend,
  proxy: RoughProxy,
): Promise<SpawnedProcess> {
  const coordinator = `ws://${proxy.address}/ws/provider`;
  return hearth.agent({ name, backend: backend.url, coordinator, models: [MODEL] });
}

const isServing = ({ status }: { readonly status: string }): boolean => status === "serving";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

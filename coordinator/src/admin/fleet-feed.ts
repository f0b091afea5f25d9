import { type Clock, repeat } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";

/** How often machines are looked at, ms: whatever happens to one in between is told as one change. */
const LOOK_MS = 1_000;
/** Machines that are told of at once; the rest has its turn with the next look. */
const MACHINES_AT_ONCE = 1_000;

/** What a list of machines shows that changes from one moment to the next. */
export interface MachineNow {
  readonly id: string;
  readonly status: Provider["status"];
  readonly in_flight: number;
  /** Connected, but something about it keeps requests away. */
  readonly troubled: boolean;
}

export interface FleetChanges {
  readonly machines: readonly MachineNow[];
  /** Those that are not expected back. */
  readonly gone: readonly string[];
}

type Listener = (changes: FleetChanges) => void;

export interface FleetFeedDeps {
  readonly clock: Clock;
  readonly directory: Pick<ProviderDirectory, "providers">;
}

/** How the fleet changes, made once for all who watch; while nobody does, nothing is looked at. */
export class FleetFeed {
  readonly #deps: FleetFeedDeps;
  readonly #listeners = new Set<Listener>();
  /** What was told of each machine, in one number. */
  readonly #told = new Map<string, number>();
  #looking: Disposable | undefined;
  #turn = 0;

  constructor(deps: FleetFeedDeps) {
    this.#deps = deps;
  }

  /** Tells all changes from now on: who asks for the list afterwards, and takes them in, has the fleet as it is. */
  subscribe(listener: Listener): Disposable {
    if (this.#listeners.size === 0) this.#begin();
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
        this.#looking?.[Symbol.dispose]();
        this.#told.clear();
      },
    };
  }

  #begin(): void {
    for (const provider of this.#deps.directory.providers()) this.#told.set(provider.id, markOf(provider));
    this.#looking = repeat(this.#deps.clock, LOOK_MS, () => this.#look());
  }

  #look(): void {
    const changed: Provider[] = [];
    let known = 0;
    for (const provider of this.#deps.directory.providers()) {
      const told = this.#told.get(provider.id);
      if (told !== undefined) known += 1;
      if (told !== markOf(provider)) changed.push(provider);
    }
    const gone = known < this.#told.size ? this.#forgetGone() : [];
    const machines = this.#next(changed).map(nowOf);
    for (const machine of machines) this.#told.set(machine.id, markOfNow(machine));
    if (machines.length === 0 && gone.length === 0) return;
    for (const listener of this.#listeners) listener({ machines, gone });
  }

  /** Where there are too many each has its turn. */
  #next(changed: readonly Provider[]): readonly Provider[] {
    if (changed.length <= MACHINES_AT_ONCE) return changed;
    const from = this.#turn % changed.length;
    this.#turn += MACHINES_AT_ONCE;
    return [...changed.slice(from), ...changed.slice(0, from)].slice(0, MACHINES_AT_ONCE);
  }

  #forgetGone(): readonly string[] {
    const here = new Set<string>();
    for (const { id } of this.#deps.directory.providers()) here.add(id);
    const gone = [...this.#told.keys()].filter((id) => !here.has(id)).slice(0, MACHINES_AT_ONCE);
    for (const id of gone) this.#told.delete(id);
    return gone;
  }
}

const STATUSES: readonly Provider["status"][] = ["serving", "draining", "offline"];

const markOf = (provider: Provider): number => mark(provider.status, inFlightOf(provider), isTroubled(provider));
const markOfNow = ({ status, in_flight, troubled }: MachineNow): number => mark(status, in_flight, troubled);
const mark = (status: Provider["status"], inFlight: number, isBad: boolean): number =>
  inFlight * 8 + STATUSES.indexOf(status) * 2 + (isBad ? 1 : 0);

const nowOf = (provider: Provider): MachineNow => ({
  id: provider.id,
  status: provider.status,
  in_flight: inFlightOf(provider),
  troubled: isTroubled(provider),
});

function inFlightOf(provider: Provider): number {
  let inFlight = 0;
  for (const model of provider.models.keys()) inFlight += provider.inFlight(model);
  return inFlight;
}

function isTroubled({ models, slots, vitals }: Provider): boolean {
  if (vitals.thermal === "critical") return true;
  if (models.size === 0) return false;
  for (const { id, template_render_ok: renders } of models.values()) {
    if (slots.get(id)?.state !== "crashed" && renders !== false) return false;
  }
  return true;
}

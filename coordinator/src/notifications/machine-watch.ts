import { BoundedMap, type Clock, repeat } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Notice, Notices } from "./notices.js";
import type { NotificationSettings } from "./settings.js";

/** A machine, as the operator knows it. */
export interface Machine {
  readonly id: ProviderId;
  readonly name: string | undefined;
  readonly account: string;
}

export interface MachineWatchDeps {
  readonly clock: Clock;
  readonly notices: Pick<Notices, "tell">;
  readonly isConnected: (id: ProviderId) => boolean;
  /** How long a machine that has left is expected back, ms. */
  readonly expectedBackMs: number;
  /** Read at each use. */
  readonly settings: () => Pick<NotificationSettings, "lookMs" | "offlineMs" | "subjects">;
}

interface Away {
  readonly machine: Machine;
  /** On the coordinator's clock, ms. */
  readonly since: number;
  told: boolean;
}

/** Which machines are gone for longer than a moment, and which are kept out because they cheat. */
export class MachineWatch implements Disposable {
  readonly #deps: MachineWatchDeps;
  readonly #away: BoundedMap<string, Away>;
  readonly #looking: Disposable;

  constructor(deps: MachineWatchDeps) {
    this.#deps = deps;
    this.#away = new BoundedMap(() => deps.settings().subjects);
    this.#looking = repeat(deps.clock, deps.settings().lookMs, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  came(machine: Machine): void {
    const away = this.#away.get(machine.id);
    if (away === undefined) return;
    this.#away.delete(machine.id);
    this.#tell("machine.back", away);
  }

  /** A connection of it has ended. @param isFenced it cheats */
  left({ id, name, account }: Machine, isFenced: boolean): void {
    // What is gone may be the older of two connections.
    if (this.#deps.isConnected(id)) return;
    // The session that it was holds far more.
    const away: Away = { machine: { id, name, account }, since: this.#deps.clock.now(), told: isFenced };
    this.#away.set(id, away);
    if (isFenced) this.#tell("machine.fenced", away);
  }

  #look(): void {
    const { clock, settings, expectedBackMs } = this.#deps;
    const { offlineMs } = settings();
    if (offlineMs === 0) return;
    const now = clock.now();
    for (const [, away] of this.#away.entries()) {
      // In the order of leaving: whoever follows has been away for less long.
      if (now - away.since < Math.max(offlineMs, expectedBackMs)) return;
      if (away.told) continue;
      away.told = true;
      this.#tell("machine.offline", away);
    }
  }

  #tell(kind: Notice["kind"], { machine, since }: Away): void {
    const { id, name, account } = machine;
    const named = name === undefined ? {} : { name };
    const minutes = Math.round((this.#deps.clock.now() - since) / 60_000);
    const data = { machine: id, ...named, account, ...(kind === "machine.fenced" ? {} : { minutes }) };
    this.#deps.notices.tell({ kind, subject: `machine/${id}`, isEnd: kind === "machine.back", data });
  }
}

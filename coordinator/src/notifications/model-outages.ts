import { BoundedMap, type Clock, repeat } from "@hearth/platform";
import type { Notices } from "./notices.js";
import type { NotificationSettings } from "./settings.js";

export interface OutageDeps {
  readonly clock: Clock;
  readonly notices: Pick<Notices, "tell">;
  /** Whether a machine is here for everybody's requests for what this name stands for. */
  readonly isServed: (model: string) => boolean;
  /** Read at each use. */
  readonly settings: () => Pick<NotificationSettings, "lookMs" | "outageMs" | "subjects">;
}

interface Outage {
  /** On the coordinator's clock, ms. */
  readonly since: number;
  last: number;
  refused: number;
  told: boolean;
}

/** Codes of a request that nobody can serve now: the model's matter, not the request's nor its caller's. */
const UNSERVED: ReadonlySet<string> = new Set(["no_provider", "providers_cooling"]);

/**
 * Which models nobody can serve. An outage begins with a request that is refused and ends with one that is answered; or
 * when a machine is here for it and nobody has been refused for as long as makes an outage.
 */
export class ModelOutages implements Disposable {
  readonly #deps: OutageDeps;
  readonly #outages: BoundedMap<string, Outage>;
  readonly #looking: Disposable;

  constructor(deps: OutageDeps) {
    this.#deps = deps;
    this.#outages = new BoundedMap(() => deps.settings().subjects);
    this.#looking = repeat(deps.clock, deps.settings().lookMs, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** A request for this model was refused with this code. */
  refused(model: string, code: string): void {
    // With somebody there it is the caller who has ruled him out.
    if (!UNSERVED.has(code) || (code === "no_provider" && this.#deps.isServed(model))) return;
    const now = this.#deps.clock.now();
    const outage = this.#outages.get(model);
    if (outage === undefined) this.#outages.set(model, { since: now, last: now, refused: 1, told: false });
    else Object.assign(outage, { last: now, refused: outage.refused + 1 });
  }

  answered(model: string): void {
    const outage = this.#outages.get(model);
    if (outage !== undefined) this.#end(model, outage);
  }

  #look(): void {
    const { clock, notices, settings, isServed } = this.#deps;
    const { outageMs } = settings();
    const now = clock.now();
    for (const [model, outage] of [...this.#outages.entries()]) {
      const served = isServed(model);
      if (served && now - outage.last >= outageMs) this.#end(model, outage);
      if (outageMs === 0 || outage.told || (served ? outage.last : now) - outage.since < outageMs) continue;
      outage.told = true;
      const data = { model, refused: outage.refused, minutes: minutesOf(now - outage.since) };
      notices.tell({ kind: "model.outage", subject: subjectOf(model), data });
    }
  }

  #end(model: string, { since, refused }: Outage): void {
    this.#outages.delete(model);
    const data = { model, refused, minutes: minutesOf(this.#deps.clock.now() - since) };
    this.#deps.notices.tell({ kind: "model.recovered", subject: subjectOf(model), isEnd: true, data });
  }
}

const subjectOf = (model: string): string => `model/${model}`;
const minutesOf = (ms: number): number => Math.round(ms / 60_000);

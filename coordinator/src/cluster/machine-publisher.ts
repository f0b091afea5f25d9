import { type Clock, repeat } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { slotsOf } from "../fleet/provider.js";
import type { ProviderSession } from "../fleet/provider-session.js";
import type { Registry } from "../fleet/registry.js";
import type { Logger } from "../platform/logger.js";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";
import { factsOf, type SharedBy, seal, stateOf } from "./shared-machine.js";

/** What has changed is collected for so long, ms. */
const COLLECT_MS = 25;
/** How often it is looked whether something has changed that nobody tells of, ms: slots are taken without a word. */
const LOOK_MS = 250;
/** What is said of a machine is said again after so long, and counts for three times as long, ms. */
const REPEAT_MS = 5_000;
const HOLDS_MS = 3 * REPEAT_MS;
/** Changes that travel in one message at most. */
const MAX_CHANGES = 256;

/** What a node tells of one of its machines. */
export type MachineChange =
  | { readonly id: string; readonly epoch: number; readonly state: string; readonly facts?: string }
  | { readonly id: string; readonly epoch: number; readonly left: "expected" | "gone" };

/** A message of a node about its machines. */
export interface MachineChanges {
  /** Of the node's process. */
  readonly epoch: number;
  /** Counts the messages of that process. */
  readonly seq: number;
  readonly changes: readonly MachineChange[];
}

interface Published {
  readonly session: ProviderSession;
  /** `undefined` until Redis has given it one. */
  epoch: number | undefined;
  /** Of the session, when it was last said how it is; `NaN` = it has to be said. */
  version: number;
  /** Of what has been said. */
  told: number;
  saidAt: number;
  /** What the facts were made of; `undefined` = they have to be said. */
  facts: readonly unknown[] | undefined;
}

export interface MachinePublisherDeps {
  readonly registry: Registry;
  readonly redis: RedisConnections;
  readonly keys: RedisKeys;
  readonly directoryKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
  readonly self: { readonly id: string; readonly epoch: number };
  /** Slots of a machine that requests of other nodes hold, by node and model. */
  readonly held: (id: ProviderId) => Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Tells the other nodes of the machines that are connected here. */
export class MachinePublisher implements Disposable {
  readonly #deps: MachinePublisherDeps;
  readonly #published = new Map<ProviderId, Published>();
  readonly #turns: readonly Disposable[];
  #pending: MachineChange[] = [];
  #soon: Disposable | undefined;
  #seq = 0;

  constructor(deps: MachinePublisherDeps) {
    this.#deps = deps;
    const { clock, registry } = deps;
    const soon = (): void => {
      this.#soon ??= clock.setTimer(COLLECT_MS, () => {
        this.#soon = undefined;
        this.flush();
      });
    };
    this.#turns = [repeat(clock, LOOK_MS, () => this.flush()), registry.watch(soon)];
  }

  /** Messages that have been sent. */
  get seq(): number {
    return this.#seq;
  }

  /** The connection of a machine, as the others know it; `undefined` = they do not yet. */
  epochOf(id: ProviderId): number | undefined {
    const published = this.#published.get(id);
    return this.#deps.registry.link(id) === published?.session ? published?.epoch : undefined;
  }

  /** Redis may have forgotten all: it is told all again. */
  repeatAll(): void {
    const { redis, keys, self } = this.#deps;
    for (const [id, published] of this.#published) {
      published.version = Number.NaN;
      published.facts = undefined;
      if (published.epoch !== undefined) this.#try(redis.commands.hset(keys.machinesOf(self.id), id, published.epoch));
    }
    this.flush();
  }

  /** Says what has changed. */
  flush(): void {
    const { registry, clock } = this.#deps;
    const now = clock.now();
    for (const session of registry.connected()) {
      const published = this.#published.get(session.id);
      if (published?.session !== session) this.#claim(session);
      else if (published.version !== session.version || now - published.saidAt >= REPEAT_MS) this.#say(published);
    }
    for (const [id, published] of this.#published) {
      if (registry.link(id) === undefined) this.#release(id, published);
    }
    this.#send();
  }

  /** All have left, as far as others are concerned. */
  [Symbol.dispose](): void {
    for (const turn of this.#turns) turn[Symbol.dispose]();
    this.#soon?.[Symbol.dispose]();
    for (const [id, published] of this.#published) this.#release(id, published);
    this.#send();
  }

  #claim(session: ProviderSession): void {
    const { redis, keys, self } = this.#deps;
    const { id } = session;
    const published: Published = {
      session,
      epoch: undefined,
      version: Number.NaN,
      told: 0,
      saidAt: 0,
      facts: undefined,
    };
    this.#published.set(id, published);
    const claimed = redis.commands.claimProvider(keys.machine(id), self.id, HOLDS_MS).then((epoch) => {
      if (this.#published.get(id) !== published) return;
      published.epoch = Number(epoch);
      this.#try(redis.commands.hset(keys.machinesOf(self.id), id, epoch));
      this.#say(published);
      this.#send();
    });
    claimed.catch(() => {
      // The next look tries again.
      if (this.#published.get(id) === published) this.#published.delete(id);
    });
  }

  #say(published: Published): void {
    const { redis, keys, directoryKey, clock, self, held } = this.#deps;
    const { session, epoch } = published;
    if (epoch === undefined) return;
    const { id } = session;
    const by: SharedBy = { node: self.id, provider: id, epoch };
    published.version = session.version;
    published.told += 1;
    published.saidAt = clock.now();
    const holders = held(id);
    const wallAheadMs = clock.wallTime() - clock.now();
    const state = seal(
      directoryKey,
      "state",
      by,
      stateOf(session, { version: published.told, held: holders, wallAheadMs }),
    );
    const made = madeOf(session);
    const isOther = published.facts === undefined || made.some((each, index) => each !== published.facts?.[index]);
    const facts = isOther ? seal(directoryKey, "facts", by, factsOf(session)) : undefined;
    published.facts = made;
    const slots = [...session.models.keys()].flatMap((model) => [
      ...[model, slotsOf(session, model)],
      Math.max(0, session.load(model) - sumOf(holders, model)),
    ]);
    const draining = session.status === "serving" ? 0 : 1;
    const told = [self.id, epoch, HOLDS_MS, draining, state, facts ?? "", ...slots] as const;
    const said = redis.commands.announceProvider(keys.machine(id), ...told).then((answer) => {
      if (answer === 0) this.#superseded(published);
      if (answer === -1) published.facts = undefined;
      if (answer !== 1) published.version = Number.NaN;
    });
    said.catch(() => {
      published.version = Number.NaN;
      published.facts = undefined;
    });
    this.#pending.push({ id, epoch, state, ...(facts === undefined ? {} : { facts }) });
  }

  /** The machine has connected to another node since. One that was sent away finishes what runs. */
  #superseded({ session }: Published): void {
    if (!session.sentAway) session.close("replaced");
  }

  #release(id: ProviderId, { epoch }: Published): void {
    const { redis, keys, self, registry } = this.#deps;
    this.#published.delete(id);
    if (epoch === undefined) return;
    this.#try(redis.commands.releaseProvider(keys.machine(id), epoch));
    this.#try(redis.commands.hdel(keys.machinesOf(self.id), id));
    this.#pending.push({ id, epoch, left: registry.isExpected(id) ? "expected" : "gone" });
  }

  #send(): void {
    const { redis, keys, self } = this.#deps;
    while (this.#pending.length > 0) {
      const changes = this.#pending.splice(0, MAX_CHANGES);
      this.#seq += 1;
      const message: MachineChanges = { epoch: self.epoch, seq: this.#seq, changes };
      const channel = keys.changesOf(self.id);
      const text = JSON.stringify(message);
      this.#try(redis.sharded ? redis.commands.spublish(channel, text) : redis.commands.publish(channel, text));
    }
  }

  /** Whoever misses a message reads all again, and what holds is said again. */
  #try(said: Promise<unknown>): void {
    said.catch((error: Error) => this.#deps.log.debug({ problem: error.message }, "not told to redis"));
  }
}

/** Objects that are replaced whenever the facts change. */
function madeOf({ models, encryptionKey, proven, trust }: ProviderSession): readonly unknown[] {
  return [models, encryptionKey, proven?.proof, proven?.passed, trust];
}

function sumOf(held: Readonly<Record<string, Readonly<Record<string, number>>>>, model: string): number {
  return Object.values(held).reduce((sum, byModel) => sum + (byModel[model] ?? 0), 0);
}

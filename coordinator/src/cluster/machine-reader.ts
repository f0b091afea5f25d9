import { type Clock, type Rng, repeat } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import type { NodeFacts } from "./membership.js";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";
import type { RemoteMachines } from "./remote-machines.js";
import { readFacts, readState } from "./shared-machine.js";

/** How long a message may be on its way before it counts as missed, ms. */
const ON_ITS_WAY_MS = 500;
/** Machines that are asked for at once. */
const BATCH = 500;

const count = z.int().nonnegative();
const about = { id: z.string().min(1).max(128), epoch: count };

const changesSchema = z.object({
  epoch: count,
  seq: count,
  changes: z.array(
    z.union([
      z.object({ ...about, state: z.string(), facts: z.string().optional() }),
      z.object({ ...about, left: z.enum(["expected", "gone"]) }),
    ]),
  ),
});

interface Followed {
  /** Of its process. */
  epoch: number;
  /** The last message that has come, or that what was read is as new as. */
  seq: number;
  /** Messages that were sent when it was last seen, and when that was. */
  published: number;
  behindSince: number | undefined;
  reading: boolean;
}

export interface MachineReaderDeps {
  readonly redis: RedisConnections;
  readonly keys: RedisKeys;
  readonly directoryKey: Uint8Array;
  readonly machines: RemoteMachines;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

/**
 * Follows what the other nodes say of their machines: by their messages, and where one was missed, which the count of
 * them shows, by reading all that the node has.
 */
export class MachineReader implements Disposable {
  readonly #deps: MachineReaderDeps;
  readonly #followed = new Map<string, Followed>();
  readonly #looks: Disposable;

  constructor(deps: MachineReaderDeps) {
    this.#deps = deps;
    deps.redis.subscriber.on("message", this.#onMessage);
    deps.redis.subscriber.on("smessage", this.#onMessage);
    this.#looks = repeat(deps.clock, ON_ITS_WAY_MS, () => this.#look());
  }

  /** These nodes are there now. */
  follow(nodes: ReadonlyMap<string, NodeFacts>): void {
    for (const id of this.#followed.keys()) if (!nodes.has(id)) this.#gone(id);
    for (const [id, { epoch, published }] of nodes) {
      const followed = this.#followed.get(id);
      if (followed?.epoch === epoch) {
        followed.published = Math.max(followed.published, published);
        continue;
      }
      if (followed === undefined) this.#listen(id, true);
      const fresh = { epoch, seq: 0, published, behindSince: undefined, reading: false };
      this.#followed.set(id, fresh);
      void this.#readAll(id, fresh);
    }
  }

  /** Redis has been away: what was said meanwhile was missed. Not all nodes read at once. */
  repeat(): void {
    const { clock, rng } = this.#deps;
    for (const [id, followed] of this.#followed) {
      clock.setTimer(rng.next() * ON_ITS_WAY_MS, () => {
        if (this.#followed.get(id) === followed) void this.#readAll(id, followed);
      });
    }
  }

  [Symbol.dispose](): void {
    const { subscriber } = this.#deps.redis;
    this.#looks[Symbol.dispose]();
    subscriber.off("message", this.#onMessage);
    subscriber.off("smessage", this.#onMessage);
  }

  readonly #onMessage = (channel: string, text: string): void => {
    const node = [...this.#followed.keys()].find((id) => this.#deps.keys.changesOf(id) === channel);
    const followed = node === undefined ? undefined : this.#followed.get(node);
    if (node === undefined || followed === undefined) return;
    const message = readChanges(text);
    if (message === undefined || message.epoch !== followed.epoch) return;
    const isNext = message.seq === followed.seq + 1;
    followed.seq = Math.max(followed.seq, message.seq);
    for (const change of message.changes) {
      if ("left" in change) {
        this.#deps.machines.left(change.id as ProviderId, change.epoch, change.left === "expected");
      } else if (!this.#tell(node, change)) void this.#readAll(node, followed);
    }
    if (!isNext && !followed.reading) void this.#readAll(node, followed);
  };

  #tell(
    node: string,
    { id, epoch, state, facts }: { id: string; epoch: number; state: string; facts?: string | undefined },
  ): boolean {
    const { directoryKey, machines, log } = this.#deps;
    const by = { node, provider: id, epoch };
    const read = {
      state: readState(directoryKey, by, state),
      facts: facts === undefined ? undefined : readFacts(directoryKey, by, facts),
    };
    if (read.state === undefined || (facts !== undefined && read.facts === undefined)) {
      log.warn({ node, provider: id }, "what redis says of a machine is not believed");
      return true;
    }
    return machines.told({ id: id as ProviderId, node, epoch }, { state: read.state, facts: read.facts });
  }

  /** Whoever has sent more than has come for longer than a message takes: one was missed. */
  #look(): void {
    const now = this.#deps.clock.now();
    for (const [id, followed] of this.#followed) {
      if (followed.published <= followed.seq) followed.behindSince = undefined;
      else if (followed.behindSince === undefined) followed.behindSince = now;
      else if (now - followed.behindSince >= ON_ITS_WAY_MS) void this.#readAll(id, followed);
    }
  }

  async #readAll(node: string, followed: Followed): Promise<void> {
    if (followed.reading) return;
    followed.reading = true;
    const { redis, keys, machines, log } = this.#deps;
    const before = machines.of(node);
    const asNewAs = Math.max(followed.seq, followed.published);
    try {
      const listed = Object.keys(await redis.commands.hgetall(keys.machinesOf(node)));
      const there = new Set<string>();
      for (let from = 0; from < listed.length; from += BATCH) {
        const ids = listed.slice(from, from + BATCH);
        const read = await Promise.all(ids.map((id) => redis.commands.hmget(keys.machine(id), ...MEMBERS)));
        if (this.#followed.get(node) !== followed) return;
        for (const [index, [owner, epoch, facts, state]] of read.entries()) {
          const id = ids[index] as string;
          if (owner !== node || epoch == null || facts == null || state == null) continue;
          there.add(id);
          this.#tell(node, { id, epoch: Number(epoch), facts, state });
        }
      }
      followed.seq = Math.max(followed.seq, asNewAs);
      followed.behindSince = undefined;
      for (const { id, epoch } of before) if (!there.has(id)) machines.left(id, epoch, true);
    } catch (error) {
      // So it is behind, and is read again.
      followed.seq = 0;
      log.debug({ node, problem: (error as Error).message }, "machines of a node not read");
    } finally {
      followed.reading = false;
    }
  }

  #gone(node: string): void {
    this.#followed.delete(node);
    this.#listen(node, false);
    for (const { id, epoch } of this.#deps.machines.of(node)) this.#deps.machines.left(id, epoch, true);
  }

  #listen(node: string, listens: boolean): void {
    const { redis, keys, log } = this.#deps;
    const { subscriber, sharded } = redis;
    const channel = keys.changesOf(node);
    const change = listens
      ? sharded
        ? subscriber.ssubscribe(channel)
        : subscriber.subscribe(channel)
      : sharded
        ? subscriber.sunsubscribe(channel)
        : subscriber.unsubscribe(channel);
    change.catch((error: Error) => log.debug({ node, problem: error.message }, "not listened to a node"));
  }
}

const MEMBERS = ["node", "epoch", "facts", "state"] as const;

function readChanges(text: string): z.infer<typeof changesSchema> | undefined {
  try {
    return changesSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

import { type Clock, repeat } from "@hearth/platform";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import type { RedisConnections } from "./redis.js";
import { BEATS_UNTIL_GONE, type ClusterSettings } from "./settings.js";

const count = z.int().nonnegative();

const nodeSchema = z.object({
  id: z.string().min(1).max(128),
  /** Of the process: greater than those of all earlier ones with this id. */
  epoch: count,
  address: z.string().min(1).max(512),
  /** Connections that it can hold, and machines that it has. */
  capacity: count,
  providers: count,
  /** It is leaving: nothing new is to go there. */
  draining: z.boolean(),
  /** What it speaks with other nodes. */
  versions: z.object({ min: count, max: count }),
  /** Changes of its machines that it has published. */
  published: count,
});

/** A coordinator as the others know it. */
export type NodeFacts = z.infer<typeof nodeSchema>;

export interface MembershipHooks {
  /** Who else is there, whenever that was asked. */
  read(others: ReadonlyMap<string, NodeFacts>): void;
  /** Redis does not answer any more, or answers again. */
  reachable(isReachable: boolean): void;
}

export interface MembershipDeps {
  readonly redis: RedisConnections;
  readonly settings: Pick<ClusterSettings, "prefix" | "heartbeatMs">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each heartbeat. */
  readonly facts: () => NodeFacts;
  readonly hooks: MembershipHooks;
}

/** Says that this node is there, and knows who else is. */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #keys: readonly [alive: string, facts: string];
  readonly #channel: string;
  #beats: Disposable | undefined;
  #others: ReadonlyMap<string, NodeFacts> = new Map();
  #isReachable: boolean | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    const { prefix } = deps.settings;
    this.#keys = [`${prefix}{nodes}:alive`, `${prefix}{nodes}:facts`];
    this.#channel = `${prefix}nodes`;
  }

  /** Those that are there beside this one, by id. */
  get others(): ReadonlyMap<string, NodeFacts> {
    return this.#others;
  }

  /** Redis answers. */
  get isReachable(): boolean {
    return this.#isReachable === true;
  }

  /** Joins, and stays until `leave`. Does not wait longer than one command may take. */
  async join(): Promise<void> {
    const { clock, settings, redis } = this.#deps;
    redis.subscriber.on("message", this.#onMessage);
    void redis.subscriber.subscribe(this.#channel).catch(() => {});
    this.#beats = repeat(clock, settings.heartbeatMs, () => void this.beat());
    await redis.tried();
    await this.beat();
    await this.#tell();
  }

  async leave(): Promise<void> {
    const { redis, facts } = this.#deps;
    const { id, epoch } = facts();
    this.#beats?.[Symbol.dispose]();
    redis.subscriber.off("message", this.#onMessage);
    await this.#running;
    await redis.commands.removeNode(...this.#keys, id, epoch).catch(() => {});
    await this.#tell();
  }

  /** Something of this node has changed that others should know before the next heartbeat. */
  async announce(): Promise<void> {
    await this.beat();
    await this.#tell();
  }

  /** Says that it is there and reads who else is; one at a time. */
  beat(): Promise<void> {
    this.#running ??= this.#beat().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #beat(): Promise<void> {
    const { redis, settings, facts, log, hooks } = this.#deps;
    const own = facts();
    const ttl = settings.heartbeatMs * BEATS_UNTIL_GONE;
    try {
      const read = await redis.commands.announceNode(...this.#keys, own.id, JSON.stringify(own), own.epoch, ttl);
      if (read.length === 0) log.error({ node: own.id }, "another process has the name of this node");
      this.#others = new Map(read.flatMap(readNode).flatMap((node) => (node.id === own.id ? [] : [[node.id, node]])));
    } catch (error) {
      log.debug({ problem: (error as Error).message }, "redis does not answer");
      return this.#reachable(false);
    }
    this.#reachable(true);
    hooks.read(this.#others);
  }

  #reachable(isReachable: boolean): void {
    if (this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    this.#deps.hooks.reachable(isReachable);
  }

  async #tell(): Promise<void> {
    await this.#deps.redis.commands.publish(this.#channel, this.#deps.facts().id).catch(() => {});
  }

  readonly #onMessage = (channel: string, from: string): void => {
    if (channel === this.#channel && from !== this.#deps.facts().id) void this.beat();
  };
}

/** What a node of another version says that this one does not understand is no node. */
function readNode(text: string): readonly NodeFacts[] {
  try {
    return [nodeSchema.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, describeFault, type Rng } from "@hearth/platform";
import type { CloseReason, ProviderId } from "@hearth/protocol";
import type { RateLimiter } from "../accounts/rate-limiter.js";
import { DepartedProvider } from "../fleet/departed-provider.js";
import { slotsOf } from "../fleet/provider.js";
import type { ProviderLink } from "../fleet/provider-link.js";
import type { Registry } from "../fleet/registry.js";
import type { TroubleSource } from "../platform/health.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import { ClusterDirectory } from "./cluster-directory.js";
import { clusterKeysOf, sealingSecretOf } from "./cluster-keys.js";
import { HeldSlots } from "./held-slots.js";
import { MachinePublisher } from "./machine-publisher.js";
import { MachineReader } from "./machine-reader.js";
import { Membership, type NodeFacts } from "./membership.js";
import type { OpenPayload } from "./node-frames.js";
import { NODE_VERSIONS } from "./node-handshake.js";
import { type NodeDoor, NodeLinks } from "./node-links.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisEntries } from "./redis-entries.js";
import { RedisKeys } from "./redis-keys.js";
import { RedisRateLimiter } from "./redis-rate-limiter.js";
import { RedisReplays } from "./redis-replays.js";
import type { Admission } from "./relayed-stream.js";
import type { RemoteMachine } from "./remote-machine.js";
import { RemoteMachines } from "./remote-machines.js";
import type { ClusterSettings } from "./settings.js";
import { type NewsTopic, SharedNews } from "./shared-news.js";
import { SlotGuard } from "./slot-guard.js";
import { SlotLeases } from "./slot-leases.js";
import { Turns } from "./turns.js";

export interface ClusterHooks {
  /** The connection of a machine of another node is over: whoever keeps something for it lets go. */
  gone(link: ProviderLink): void;
}

/** Who remembers what other nodes may change. Each reads it anew from the store. */
export type Reloads = Readonly<Record<Exclude<NewsTopic, "distrust" | "entries" | "counts">, () => Promise<void>>>;

export interface ClusterDeps {
  readonly settings: ClusterSettings;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Pick<Ids, "challenge">;
  readonly log: Logger;
  /** This node's name: always the same for one data directory. */
  readonly node: string;
  /** Connections that it can hold. */
  readonly capacity: number;
  readonly hooks: ClusterHooks;
}

/** This coordinator among those that serve one fleet. */
export class Cluster {
  /** All machines, wherever they are connected. */
  readonly directory: ClusterDirectory;
  readonly #deps: ClusterDeps;
  readonly #redis: RedisConnections;
  readonly #self: { readonly id: string; readonly epoch: number };
  readonly #membership: Membership;
  readonly #links: NodeLinks;
  readonly #leases: SlotLeases;
  readonly #guard = new SlotGuard();
  readonly #held = new HeldSlots();
  readonly #machines: RemoteMachines;
  readonly #publisher: MachinePublisher;
  readonly #reader: MachineReader;
  #address: string;
  #draining = false;
  #reloads: Reloads | undefined;
  readonly #reloading = new Set<keyof Reloads>();
  readonly #again = new Set<keyof Reloads>();
  /** What is done now was told by another node. */
  #isHearing = false;
  readonly #news: SharedNews;
  /** Limits that all nodes count together. */
  readonly rateLimiter: RateLimiter;
  /** What one node does for all. */
  readonly turns: Turns;
  /** What all nodes have in memory. */
  readonly entries: RedisEntries;
  /** Sealed requests that any node has opened, and what all derive their keys from. */
  readonly replays: RedisReplays;
  readonly sealingSecret: string;

  constructor(deps: ClusterDeps) {
    const { settings, registry, clock, rng, ids, log, node } = deps;
    this.#deps = deps;
    this.#address = settings.address;
    this.#self = { id: node, epoch: clock.wallTime() };
    const { directory: directoryKey, link, news: newsKey } = clusterKeysOf(settings.secret);
    const keys = new RedisKeys(settings.prefix);
    const redis = connectRedis(settings, { log, rng });
    this.#redis = redis;
    const common = { ...{ redis, keys, clock, log, rng }, directoryKey, self: this.#self };
    this.#links = new NodeLinks({
      ...common,
      handshake: { key: link, self: this.#self, newNonce: () => ids.challenge() },
      admit: (open, holder) => this.#admit(open, holder),
      disconnect: (...of) => this.#disconnect(...of),
      changed: (id) => this.#machines.reachChanged(id),
    });
    this.#leases = new SlotLeases(common);
    this.#machines = new RemoteMachines(
      {
        ...{ clock, self: node, leases: this.#leases },
        linkTo: (id) => (this.#membership.isReachable ? this.#links.to(id) : undefined),
        distrusted: (id) => registry.isDistrusted(id),
      },
      {
        arrived: (machine) => this.#arrived(machine),
        left: (machine, expectedBack) => this.#left(machine, expectedBack),
        changed: (models) => registry.changed(models),
      },
    );
    this.directory = new ClusterDirectory(registry, this.#machines);
    this.#publisher = new MachinePublisher({ ...common, registry, held: (id) => this.#held.of(id) });
    this.#reader = new MachineReader({ ...common, machines: this.#machines });
    const isReachable = (): boolean => this.#membership.isReachable;
    const nodes = (): number => 1 + this.#membership.others.size;
    this.turns = new Turns(common);
    this.entries = new RedisEntries({ ...common, newsKey, tell: (...news) => this.tell(...news) });
    this.replays = new RedisReplays(redis, keys);
    this.sealingSecret = sealingSecretOf(settings.secret);
    this.rateLimiter = new RedisRateLimiter({ ...common, nodes, isReachable });
    this.#news = new SharedNews({
      ...{ ...common, newsKey, isReachable },
      hooks: { news: (...told) => this.#hear(...told), missed: () => this.#reloadAll() },
    });
    registry.watchDistrust((id) => {
      if (!this.#isHearing) this.tell("distrust", id);
    });
    this.#membership = new Membership({
      ...{ redis, settings, clock, log },
      facts: () => this.#facts(),
      hooks: {
        read: (others) => {
          this.#reader.follow(others);
          this.#links.reach(others);
        },
        reachable: (is) => this.#redisReachable(is),
      },
    });
  }

  /** What is wrong with it. */
  readonly trouble: TroubleSource = () => (this.#membership.isReachable ? undefined : "redis_away");

  /** Streams of other nodes with machines of this one. */
  get relayed(): number {
    return this.#links.relayed;
  }

  /** Something that other nodes remember has changed here. */
  tell(topic: NewsTopic, id: string): void {
    this.#news.tell(topic, id);
  }

  /** From now on what other nodes change is read anew. */
  listen(reloads: Reloads): void {
    this.#reloads = reloads;
    this.#reloadAll();
  }

  /** @param port on which it listens now */
  async start(port: number): Promise<void> {
    const address = new URL(this.#deps.settings.address);
    if (address.port === "0") this.#address = `${address.protocol}//${address.hostname}:${port}`;
    await this.#membership.join();
  }

  /** Takes an upgrade of another node. @returns `false` for one to another path */
  accept(request: IncomingMessage, raw: Duplex, head: Buffer, door: NodeDoor): boolean {
    return this.#links.accept(request, raw, head, door);
  }

  /** It is leaving: the others send it nothing new. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#publisher.flush();
    await this.#membership.announce();
  }

  async stop(): Promise<void> {
    this.#publisher[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
    this.#news[Symbol.dispose]();
    this.turns[Symbol.dispose]();
    await this.#membership.leave();
    this.#links.close();
    this.#leases[Symbol.dispose]();
    this.#redis.close();
  }

  #facts(): NodeFacts {
    const { registry, capacity } = this.#deps;
    return {
      ...this.#self,
      ...{ address: this.#address, capacity, providers: registry.size, draining: this.#draining },
      ...{ versions: NODE_VERSIONS, published: this.#publisher.seq },
    };
  }

  /** The node that has the machine has the last word: it counts what really runs there. */
  #admit(open: OpenPayload, holder: string): Admission {
    const { registry } = this.#deps;
    const provider = open.provider as ProviderId;
    const { model } = open.opening;
    const machine = registry.link(provider);
    if (machine === undefined || this.#publisher.epochOf(provider) !== open.epoch || machine.status !== "serving") {
      return { type: "refused" };
    }
    if (!this.#guard.use(provider, open.epoch, open.fence)) return { type: "refused" };
    if (machine.load(model) >= slotsOf(machine, model)) return { type: "refused" };
    const held = this.#held.hold(provider, holder, model);
    const slot = machine.acquire(model, open.tokens);
    const free = (): void => {
      held[Symbol.dispose]();
      slot[Symbol.dispose]();
    };
    return { type: "admitted", machine, slot: { [Symbol.dispose]: free } };
  }

  #disconnect(provider: ProviderId, epoch: number, reason: CloseReason): void {
    const { registry } = this.#deps;
    if (this.#publisher.epochOf(provider) !== epoch) return;
    if (reason === "untrusted") registry.distrust(provider);
    registry.link(provider)?.close(reason);
  }

  #arrived(machine: RemoteMachine): void {
    const { registry } = this.#deps;
    registry.arrivedElsewhere(machine.id);
    const session = registry.link(machine.id);
    const epoch = this.#publisher.epochOf(machine.id);
    // One that was sent away finishes what runs.
    if (session?.sentAway === false && epoch !== undefined && epoch < machine.epoch) session.close("replaced");
  }

  #left(machine: RemoteMachine, expectedBack: boolean): void {
    const { registry, clock, hooks } = this.#deps;
    hooks.gone(machine);
    if (expectedBack) registry.expect(DepartedProvider.of(machine, clock.now()));
  }

  #hear(topic: NewsTopic, id: string): void {
    if (topic === "entries" || topic === "counts") return this.entries.hear(topic, id);
    if (topic !== "distrust") return this.#reload(topic);
    this.#isHearing = true;
    try {
      this.#deps.registry.distrust(id as ProviderId);
    } finally {
      this.#isHearing = false;
    }
  }

  #reloadAll(): void {
    this.entries.readAll();
    for (const topic of ["machine_tokens", "machine_notes", "operator"] as const) this.#reload(topic);
  }

  /** One at a time of each; what comes meanwhile is read once more. */
  #reload(topic: keyof Reloads): void {
    const reload = this.#reloads?.[topic];
    if (reload === undefined) return;
    if (this.#reloading.has(topic)) return void this.#again.add(topic);
    this.#reloading.add(topic);
    const done = reload().catch((error: unknown) => {
      this.#deps.log.warn({ topic, fault: describeFault(error) }, "news not read");
    });
    void done.then(() => {
      this.#reloading.delete(topic);
      if (this.#again.delete(topic)) this.#reload(topic);
    });
  }

  #redisReachable(isReachable: boolean): void {
    const { log } = this.#deps;
    if (isReachable) {
      log.info("redis answers");
      this.#publisher.repeatAll();
      this.#reader.repeat();
    } else log.error("redis does not answer: only machines of this node serve");
    this.#machines.reachChanged();
  }
}
